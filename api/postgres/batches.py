"""Deletes rows in batches. Each batch is a transaction, so none holds its locks for long."""

from api.postgres.connections import PlainConnection
from api.postgres.database import Connection

BATCH_SIZE = 5000


async def delete_in_batches(
    connection: Connection | PlainConnection, table: str, condition: str, *arguments: object
) -> None:
    """Deletes the rows of the table that match the condition."""
    statement = f"""
        DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {condition} LIMIT {BATCH_SIZE}))
    """
    while int((await connection.execute(statement, *arguments)).split()[1]) == BATCH_SIZE:
        pass
