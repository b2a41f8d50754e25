def send_all(connection, data):
    sent = 0
    while sent < len(data):
        sent += connection.send(bytes(data[sent : sent + 4096]))
