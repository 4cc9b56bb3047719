"""What follows from the stack file: topics, identities and quotas, and the record that describes each part.

Pure: plain values in, plain values out. It imports `config` only.
"""
