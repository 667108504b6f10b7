"""The store: Parquet files in a folder or in S3, their manifests, and how rows come in and are read."""
