"""Patterns, a counter, copies, and a refusal that the rules raise inside of themselves."""

import copy
import json
from collections import Counter

import tornado.httpserver
import tornado.web


class Refused(Exception):
    pass


def wishes(order):
    match order:
        case {"lines": [_, *_] as lines} if len(lines) < 21:
            for line in lines:
                match line:
                    case {"item": str(item), "count": int(count)} if count in range(1, 101):
                        if count is not True:
                            yield item, count
                            continue
                raise Refused({"status": "invalid"})
        case _:
            raise Refused({"status": "invalid"})


def price(item, count, now):
    each = item["offer"] if now < item.get("until", float("-inf")) else item["price"]
    whole = each * count
    return whole - -(-whole // 10) if count > 9 else whole


def decide(order, stock, now):
    take = Counter()
    try:
        for item, count in list(wishes(order)):
            take[item] += count
        for item in take.keys():
            if stock.get(item) is None:
                raise Refused({"status": "unknown", "item": item})
        for item, count in take.items():
            if (left := stock[item]["left"]) < count:
                raise Refused({"status": "short", "item": item, "left": left})
    except Refused as refused:
        return refused.args[0]
    total = sum(price(stock[item], count, now) for item, count in take.items())
    if total < 5000:
        total += 490
    return {"take": dict(take), "total": total, "status": "accepted"}


def evolve(stock, take):
    later = copy.deepcopy(stock)
    for item, count in take.items():
        later[item]["left"] -= count
    return later


class Orders(tornado.web.RequestHandler):
    def post(self):
        rules, store, clock = self.application.settings["needs"]
        try:
            order = json.loads(str(self.request.body, "utf-8"))
        except ValueError:
            self.send_error(400)
            return
        before = store.load()
        match rules.decide(order, before, clock.now()):
            case {"status": "accepted", "take": take} as decision:
                store.save(rules.evolve(before, take))
                self.set_status(201)
            case {"status": "short"} as decision:
                self.set_status(409)
            case decision:
                self.set_status(422)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(decision))


async def serve(host, port, stop, *needs):
    application = tornado.web.Application([("/orders", Orders)], needs=needs)
    server = tornado.httpserver.HTTPServer(application)
    server.listen(port, address=host)
    try:
        await stop.wait()
    finally:
        server.stop()
        await server.close_all_connections()
