"""The shop: the services of an e-commerce platform that log into Kafka.

Each service is a process of its own (``python3 -m shop SERVICE``) with its own certificate. There are no calls between
them: request k of the shop is a pure function of (seed, k), which every process works out and of which it logs only
its own part. So traces span services, and what the whole shop logs is known exactly beforehand.
"""
