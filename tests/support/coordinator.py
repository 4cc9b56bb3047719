"""A broker of the kind that clients meet while brokers restart: it is not yet the coordinator of the groups it has."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import kafka.protocol.consumer
import kafka.protocol.metadata

consumer: Any = kafka.protocol.consumer
metadata: Any = kafka.protocol.metadata

NOT_COORDINATOR = 16
_OFFSET_FETCH, _METADATA, _FIND_COORDINATOR, _API_VERSIONS, _LIST_GROUPS = 9, 3, 10, 18, 16
_NO_GROUPS = bytes(6)
"""ListGroups, version 0: no error and no group."""
_VERSIONS = {
    _LIST_GROUPS: (0, 0),
    _API_VERSIONS: (0, 3),
    _METADATA: (0, 4),
    _FIND_COORDINATOR: (0, 1),
    _OFFSET_FETCH: (0, 5),
}

Place = tuple[str, int]


class Coordinator:
    """The only broker of a cluster. offsets: what each group has committed. refusals: how often it first answers that
    it is not the coordinator. fetches: how often offsets were asked. context: with which each connection is encrypted;
    another one may be set at any time."""

    def __init__(self, offsets: Mapping[Place, int], refusals: int, context: ssl.SSLContext | None = None) -> None:
        self._offsets, self._refusals, self.fetches, self.context = offsets, refusals, 0, context
        self._connections: list[socket.socket] = []
        self._listening = socket.create_server(("localhost", 0))
        self.bootstrap = f"localhost:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def disconnect(self) -> None:
        """End all connections, as brokers do when they begin anew."""
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._connections.clear()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # a client that has its answer may reset the connection
        with suppress(OSError), self._encrypted(connection) as own, own.makefile("rwb") as stream:
            self._connections.append(own)
            while len(head := stream.read(4)) == 4:
                request = stream.read(struct.unpack(">i", head)[0])
                key, version, correlation = struct.unpack(">hhi", request[:8])
                body = _NO_GROUPS if key == _LIST_GROUPS else self._answer(key).encode(version=version)
                answer = struct.pack(">i", correlation) + body
                stream.write(struct.pack(">i", len(answer)) + answer)
                stream.flush()

    def _encrypted(self, connection: socket.socket) -> socket.socket:
        if self.context is None:
            return connection
        return self.context.wrap_socket(connection, server_side=True)

    def _answer(self, key: int) -> Any:
        if key == _API_VERSIONS:
            one = metadata.ApiVersionsResponse.ApiVersion
            keys = [one(api_key=api, min_version=low, max_version=high) for api, (low, high) in _VERSIONS.items()]
            return metadata.ApiVersionsResponse(error_code=0, api_keys=keys, throttle_time_ms=0)
        host, port = self.bootstrap.split(":")
        if key == _METADATA:
            form = metadata.MetadataResponse
            broker = form.MetadataResponseBroker(node_id=1, host=host, port=int(port), rack=None)
            return form(throttle_time_ms=0, brokers=[broker], cluster_id="test", controller_id=1, topics=[])
        if key == _FIND_COORDINATOR:
            return metadata.FindCoordinatorResponse(
                throttle_time_ms=0, error_code=0, error_message=None, node_id=1, host=host, port=int(port)
            )
        assert key == _OFFSET_FETCH
        self.fetches += 1
        if self.fetches <= self._refusals:
            return consumer.OffsetFetchResponse(throttle_time_ms=0, topics=[], error_code=NOT_COORDINATOR)
        topics = [self._topic(name) for name in sorted({topic for topic, _ in self._offsets})]
        return consumer.OffsetFetchResponse(throttle_time_ms=0, topics=topics, error_code=0)

    def _topic(self, name: str) -> Any:
        topic = consumer.OffsetFetchResponse.OffsetFetchResponseTopic
        partitions = [
            topic.OffsetFetchResponsePartition(
                partition_index=number, committed_offset=offset, committed_leader_epoch=-1, metadata="", error_code=0
            )
            for (of, number), offset in self._offsets.items()
            if of == name
        ]
        return topic(name=name, partitions=partitions)
