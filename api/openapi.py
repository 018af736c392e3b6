from litestar import Controller


class OpenAPIController(Controller):
    pass
