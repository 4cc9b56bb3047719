"""What the platform has on AWS, as components and the plain policies and names behind them. Begin with `buckets`.

`infra/aws_services.py` puts them together by what `config_aws` reads of the stack file.
"""
