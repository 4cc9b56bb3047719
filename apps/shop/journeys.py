"""The journeys of customers in the shop, and the services of each journey.

Texts are templates over a request's values (``traffic.Values``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """A service's part in a journey: one span.

    does: the operation, as the calling service names it.
    done: the message on success.
    takes: the usual duration of the service's part without its calls, in ms.
    calls: the calls to other services, one after the other.
    optional: the caller continues if this call fails.
    audit: the audit event that the service writes, if any.
    refuses: (share of requests, message) of a business refusal, which is no failure of the service.
    """

    service: str
    does: str
    done: str
    takes: float
    calls: tuple[Call, ...] = ()
    optional: bool = False
    audit: str = ""
    refuses: tuple[float, str] = (0.0, "")

    def walk(self) -> Iterator[Call]:
        """This call, then all calls that it makes."""
        yield self
        for call in self.calls:
            yield from call.walk()


@dataclass(frozen=True, slots=True)
class Journey:
    """A customer's journey. share: of all requests, in per cent; method and path: as nginx logs them."""

    name: str
    share: int
    method: str
    path: str
    signed_in: bool
    calls: tuple[Call, ...]

    def walk(self) -> Iterator[Call]:
        """All calls, in order."""
        for call in self.calls:
            yield from call.walk()


_session = Call("auth-service", "check session", "session of {user_id} is valid", 3, audit="session used by {user_id}")
_stock = Call("inventory-service", "read stock", "{stock} of {sku} in stock", 6)
_product = Call("catalog-service", "read product", "product {sku} read", 8)

JOURNEYS = (
    Journey("browse", 34, "GET", "/products/{sku}", False, (
        Call("catalog-service", "show product", "product {sku} shown", 12, calls=(
            _stock,
            Call("recommendation-service", "recommend", "{items} products recommended beside {sku}", 25, optional=True),
        )),
    )),
    Journey("search", 24, "GET", "/search?q={query}", False, (
        Call("search-service", "search", "search for '{query}' found {stock} products", 35, calls=(_product,)),
    )),
    Journey("sign-in", 8, "POST", "/login", True, (
        Call("auth-service", "sign in", "{user_id} signed in", 60, calls=(
            Call("user-service", "read profile", "profile of {user_id} read", 9),
        ), audit="sign-in of {user_id} from {client_ip} accepted",
           refuses=(0.06, "sign-in of {user_id} from {client_ip} refused: wrong password")),
    )),
    Journey("profile", 6, "GET", "/account", True, (
        _session,
        Call("user-service", "read profile", "profile of {user_id} read", 9),
        Call("order-service", "list orders", "{items} orders of {user_id} listed", 14),
    )),
    Journey("add-to-cart", 16, "POST", "/cart", True, (
        _session,
        Call("cart-service", "add item", "{sku} put into cart {cart_id}", 10, calls=(_product, _stock)),
    )),
    Journey("checkout", 9, "POST", "/checkout", True, (
        _session,
        Call("checkout-service", "check out", "checkout of cart {cart_id} completed: {amount} EUR", 30, calls=(
            Call("cart-service", "read cart", "cart {cart_id} has {items} items", 7),
            Call("inventory-service", "reserve", "{items} items reserved for order {order_id}", 11),
            Call("payment-service", "pay", "{amount} EUR for order {order_id} authorized", 120, calls=(
                Call("fraud-service", "score", "order {order_id} has fraud score {score}", 40),
            ), audit="payment of {amount} EUR for order {order_id} by {user_id} authorized",
               refuses=(0.04, "payment for order {order_id} by {user_id} declined by the bank")),
            Call("order-service", "place order", "order {order_id} placed: {items} items, {amount} EUR", 18, calls=(
                Call("shipping-service", "plan delivery", "order {order_id} leaves with {carrier}", 22),
                Call("notification-service", "confirm", "confirmation of order {order_id} sent", 15, optional=True),
            )),
        )),
    )),
    Journey("track", 3, "GET", "/orders/{order_id}/tracking", True, (
        _session,
        Call("shipping-service", "track", "order {order_id} is with {carrier}", 16),
    )),
)  # fmt: skip

FRONT = "nginx"

# Log types that each service writes.
TYPES: dict[str, tuple[str, ...]] = {FRONT: ("access",)}
for _journey in JOURNEYS:
    for _call in _journey.walk():
        _types = {"application", *TYPES.get(_call.service, ()), *(["audit"] if _call.audit else [])}
        TYPES[_call.service] = tuple(sorted(_types))
