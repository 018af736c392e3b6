"""The SQL of privacy."""

IDS = "SELECT min(id), max(id) FROM {table}"

# Names nobody, not even whoever erases themselves: the database knows the word for them, and the application does not.
RECORD = "SELECT guildhall_record_erasure($1, $2, $3, $4, $5, $6, $7, $8)"
