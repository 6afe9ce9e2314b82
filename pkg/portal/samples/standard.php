<?php
// $body is file_get_contents('php://input').
function verify(string $key, array $server, string $body): bool
{
    $secret = base64_decode(preg_replace('/^whsec_/', '', $key));
    if (abs(time() - (int) $server['HTTP_WEBHOOK_TIMESTAMP']) > 300) {
        return false;
    }
    $signed = $server['HTTP_WEBHOOK_ID'] . '.' . $server['HTTP_WEBHOOK_TIMESTAMP'] . '.' . $body;
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', $signed, $secret, true));
    foreach (explode(' ', $server['HTTP_WEBHOOK_SIGNATURE']) as $signature) {
        if (hash_equals($expected, $signature)) {
            return true;
        }
    }
    return false;
}
