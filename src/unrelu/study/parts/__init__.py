"""Parts of a study's tables, as they are kept: Parquet files that check themselves."""
