"""The platform's resources on AWS: the components, with their policies and names as plain values. Begin with `buckets`.

`infra/aws_services.py` makes the components from the settings that `config_aws` reads from the stack file.
"""
