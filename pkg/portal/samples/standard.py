import base64, hashlib, hmac, time

def verify(key, headers, body):
    """body has the bytes as they came, before any parsing."""
    secret = base64.b64decode(key.removeprefix("whsec_"))
    if abs(time.time() - int(headers["webhook-timestamp"])) > 300:
        return False
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    return any(hmac.compare_digest(expected, s.encode()) for s in headers["webhook-signature"].split())
