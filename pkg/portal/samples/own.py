import hmac

def verify(key, headers, body):
    """body has the bytes as they came, before any parsing."""
    expected = hmac.new(key.encode(), body, "HASH").hexdigest()
    return hmac.compare_digest(expected, headers.get("HEADER", ""))
