"""Asks the store before it reads the body.

refused by: only what is accepted is kept
misconception:
"""

import json

from tornado.web import Application, HTTPError, RequestHandler


def decide(order, stock, now):
    if not is_order(order):
        return {"status": "invalid"}
    take = {}
    for line in order["lines"]:
        take[line["item"]] = take.get(line["item"], 0) + line["count"]
    for item in take:
        if item not in stock:
            return {"status": "unknown", "item": item}
    for item, count in take.items():
        left = stock[item]["left"]
        if count > left:
            return {"status": "short", "item": item, "left": left}
    goods = sum(cost(stock[item], count, now) for item, count in take.items())
    total = goods if goods >= 5000 else goods + 490
    return {"status": "accepted", "total": total, "take": take}


def is_order(order):
    lines = order.get("lines") if isinstance(order, dict) else None
    return isinstance(lines, list) and 1 <= len(lines) <= 20 and all(map(is_line, lines))


def is_line(line):
    if not isinstance(line, dict) or not isinstance(line.get("item"), str):
        return False
    count = line.get("count")
    return type(count) is int and 1 <= count <= 100


def cost(entry, count, now):
    price = entry["price"]
    if "until" in entry and now < entry["until"]:
        price = entry["offer"]
    return price * count * 9 // 10 if count >= 10 else price * count


def evolve(stock, take):
    return {
        item: {**entry, "left": entry["left"] - take.get(item, 0)} for item, entry in stock.items()
    }


class Orders(RequestHandler):
    def initialize(self, rules, store, clock):
        self.rules, self.store, self.clock = rules, store, clock

    def post(self):
        stock = self.store.load()
        try:
            order = json.loads(self.request.body.decode())
        except ValueError as error:
            raise HTTPError(400, "no JSON: %s", error) from error
        decision = self.rules.decide(order, stock, self.clock.now())
        if decision["status"] == "accepted":
            self.store.save(self.rules.evolve(stock, decision["take"]))
        self.set_status({"accepted": 201, "short": 409}.get(decision["status"], 422))
        self.write(decision)


async def serve(host, port, stop, rules, store, clock):
    needs = {"rules": rules, "store": store, "clock": clock}
    server = Application([("/orders", Orders, needs)]).listen(port, host)
    await stop.wait()
    server.stop()
    await server.close_all_connections()
