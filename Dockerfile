# The server alone. Set DATABASE_URL, or use compose.yaml, which has a database too.
# `--build-arg CARDS=no` leaves out the packages that draw pictures, `--build-arg ADMIN=no` Piccolo Admin.
FROM python:3.13-slim AS dependencies
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt /build/
RUN python -m venv /opt/guildhall \
    && /opt/guildhall/bin/pip install --quiet --require-hashes -r /build/requirements.txt

FROM dependencies AS slim
ARG CARDS=yes
ARG ADMIN=yes
COPY deploy/container/slim.sh /build/
RUN CARDS="$CARDS" ADMIN="$ADMIN" sh /build/slim.sh /opt/guildhall

# hatchling is one of the dependencies.
FROM dependencies AS package
WORKDIR /build
COPY pyproject.toml README.md LICENSE .gitignore ./
COPY guildhall_server guildhall_server
COPY api api
COPY tables tables
COPY piccolo_conf.py piccolo_conf.py
COPY piccolo_migrations piccolo_migrations
RUN /opt/guildhall/bin/python -m hatchling build -t wheel -d dist \
    && /opt/guildhall/bin/pip install --quiet --no-deps --target /opt/package dist/*.whl

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin guildhall \
    && install -d -o guildhall -g guildhall -m 0700 /var/lib/guildhall
# The dependencies change rarely, so they are a layer of their own.
COPY --from=slim /opt/guildhall /opt/guildhall
COPY --from=package /opt/package /opt/package
ENV PATH=/opt/guildhall/bin:/opt/package/bin:$PATH \
    PYTHONPATH=/opt/package \
    PYTHONDONTWRITEBYTECODE=1 \
    GUILDHALL_HOST=0.0.0.0 \
    GUILDHALL_DATA_DIR=/var/lib/guildhall
WORKDIR /var/lib/guildhall
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["guildhall"]
CMD ["serve"]
