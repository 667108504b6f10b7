"""What lies on the disk or in S3: the place, the files and their checksums, the manifests that commit them."""
