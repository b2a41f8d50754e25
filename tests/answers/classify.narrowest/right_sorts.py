from ipaddress import ip_address, ip_network


def narrowest(address: str, networks: list[str]) -> str | None:
    fitting = [text for text in networks if ip_address(address) in ip_network(text)]
    return max(fitting, key=lambda text: ip_network(text).num_addresses * -1, default=None)
