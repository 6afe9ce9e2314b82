<?php
// $body is file_get_contents('php://input').
function verify(string $key, array $server, string $body): bool
{
    return hash_equals(hash_hmac('HASH', $body, $key), $server['VARIABLE'] ?? '');
}
