"""The shop: the services of an e-commerce platform that log to Kafka.

Each service is a separate process (``python3 -m shop SERVICE``) with a separate certificate. The processes do not call
each other: request k of the shop is a pure function of (seed, k). Each process computes the whole request and logs
only its service's part. So traces span services, and the exact logs of the whole shop are known in advance.
"""
