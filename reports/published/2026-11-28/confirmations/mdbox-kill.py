"""Doubled mail in Dovecot's mdbox after kill -9, without Fermoposta: a plain directory, a plain Dovecot, LMTP.

    python3 mdbox-kill.py DIRECTORY        (as root; Dovecot installed; DIRECTORY is new, on any local file system)

Eight clients deliver for eight seconds; Dovecot is killed twice meanwhile and started again. Every message has a token of its own and is
sent once. At the end each INBOX is read over IMAP: what was acknowledged must be there, and nothing twice.
"""

import collections
import imaplib
import os
import re
import socket
import subprocess
import sys
import threading
import time

LMTP, IMAP = 24124, 24143
USERS = ["user1", "user2", "user3"]
CONFIGURATION = """
base_dir = /run/mdbox-kill
state_dir = {place}/state
instance_name = mdbox-kill
protocols = imap lmtp
listen = 127.0.0.1
mail_uid = 5000
mail_gid = 5000
first_valid_uid = 1
ssl = no
disable_plaintext_auth = no
log_path = {place}/dovecot.log
mail_location = mdbox:{place}/store/%n/mdbox
mail_home = {place}/store/%n
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
lmtp_rcpt_check_quota = no
"""


def configure(place):
    for part in ("state", "store"):
        os.makedirs(os.path.join(place, part))
    os.makedirs("/run/mdbox-kill", exist_ok=True)
    os.chown(os.path.join(place, "store"), 5000, 5000)
    path = os.path.join(place, "dovecot.conf")
    with open(path, "w") as file:
        file.write(CONFIGURATION.format(place=place, imap=IMAP, lmtp=LMTP))
    return path


def start(path):
    """In a PID namespace, so that killing its init kills all of it at once."""
    server = subprocess.Popen(["unshare", "-p", "-f", "--kill-child=SIGKILL", "dovecot", "-F", "-c", path])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", LMTP), timeout=1).close()
            return server
        except OSError:
            time.sleep(0.02)
    sys.exit("Dovecot did not greet within 10 s")


def deliver(user, token):
    """Whether the message was acknowledged."""
    with socket.create_connection(("127.0.0.1", LMTP), timeout=5) as connection:
        stream = connection.makefile("rwb")

        def command(line):
            if line:
                stream.write(line.encode() + b"\r\n")
                stream.flush()
            while True:
                reply = stream.readline()
                if not reply:
                    raise EOFError
                if reply[3:4] != b"-":
                    return reply

        command(None)
        for line in ("LHLO x", "MAIL FROM:<a@example.test>", f"RCPT TO:<{user}@example.test>", "DATA"):
            command(line)
        stream.write(f"X-Token: {token}\r\nSubject: t\r\n\r\n".encode() + b"body line\r\n" * 200 + b".\r\n")
        stream.flush()
        return stream.readline().startswith(b"250")


def traffic(acknowledged, stopped, client):
    n = 0
    while not stopped.is_set():
        n += 1
        user, token = USERS[(client + n) % len(USERS)], f"t-{client}-{n}"
        try:
            if deliver(user, token):
                acknowledged.append((user, token))
        except (OSError, EOFError):
            stopped.wait(0.02)


def read():
    seen = collections.Counter()
    for user in USERS:
        client = imaplib.IMAP4("127.0.0.1", IMAP)
        client.login(user, "secret")
        client.select("INBOX")
        _, parts = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (X-Token)])")
        for part in parts:
            token = isinstance(part, tuple) and re.search(rb"X-Token: (\S+)", part[1])
            if token:
                seen[(user, token.group(1).decode())] += 1
        client.logout()
    return seen


def main():
    place = os.path.abspath(sys.argv[1])
    path = configure(place)
    server = start(path)
    acknowledged, stopped = [], threading.Event()
    clients = [threading.Thread(target=traffic, args=(acknowledged, stopped, n)) for n in range(8)]
    for client in clients:
        client.start()
    for _ in range(2):
        time.sleep(3)
        server.kill()
        server.wait()
        server = start(path)
    time.sleep(2)
    stopped.set()
    for client in clients:
        client.join()
    seen = read()
    server.kill()
    server.wait()
    lost = [message for message in acknowledged if not seen[message]]
    doubled = [message for message, copies in seen.items() if copies > 1]
    print(f"{len(acknowledged)} acknowledged, {len(lost)} lost, {len(doubled)} doubled {doubled[:3]}")


main()
