def greet(name):
    return f"Hello, {name}\n".encode("utf-8")
