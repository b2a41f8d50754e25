def send_all(connection, data):
    while data:
        data = data[connection.send(data) :]
