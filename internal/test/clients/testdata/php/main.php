<?php
// What a customer writes with the PHP clients of openapi-generator. It prints
// what the clients give it, for the test to compare.
declare(strict_types=1);

require '/usr/share/php/GuzzleHttp/autoload.php';

// Client\Squake\Api\WebhooksApi is in squake/lib/Api/WebhooksApi.php.
spl_autoload_register(function (string $class): void {
    $parts = explode('\\', $class);
    if (array_shift($parts) === 'Client') {
        require __DIR__ . '/' . strtolower(array_shift($parts)) . '/lib/' . implode('/', $parts) . '.php';
    }
});

error_reporting(E_ALL & ~E_DEPRECATED); // Guzzle of an older year
set_error_handler(function (int $level, string $message): bool {
    throw new ErrorException($message);
}, E_ALL & ~E_DEPRECATED);

function say(mixed ...$words): void
{
    echo implode(' ', array_map(fn ($w) => is_bool($w) ? ($w ? 'true' : 'false') : ($w ?? 'null'), $words)), "\n";
}

/** The status and the typed error of a call that must be refused. */
function refused(callable $call): array
{
    try {
        $call();
    } catch (Exception $e) {
        return [$e->getCode(), $e->getResponseObject()];
    }
    throw new LogicException('it was not refused');
}

function squake(): void
{
    $api = fn (string $token) => new Client\Squake\Api\WebhooksApi(
        null,
        (new Client\Squake\Configuration())->setHost(getenv('SQUAKE_URL'))->setAccessToken($token),
    );
    $wrong = $api('wrong');
    $api = $api(getenv('SQUAKE_TOKEN'));
    $registration = new Client\Squake\Model\Registration(['kind' => Client\Squake\Model\EventKind::ORDER, 'endpoint_url' => 'https://example.com/squake']);
    $made = $api->registerWebhook($registration);
    say('squake registered', $made->getKind(), $made->getEndpointUrl(), $made->getLastSentAt() ?? 'never', strlen($made->getSigningKey()));
    [$status, $errors] = refused(fn () => $api->registerWebhook($registration));
    $e = $errors->getErrors()[0];
    say('squake refused', $status, $e->getCode(), $e->getSource()->getAttribute(), $e->getSource()->getId() === $made->getId());
    [$status, $errors] = refused(fn () => $wrong->listWebhooks());
    say('squake unauthorized', $status, $errors->getErrors()[0]->getCode(), $errors->getErrors()[0]->getSource()->getAttribute());
    $listed = $api->listWebhooks();
    say('squake listed', count($listed), $listed[0]->getKind(), $listed[0]->getFailedAttempts());
    $changed = $api->changeWebhook($made->getId(), new Client\Squake\Model\Change(['endpoint_url' => 'https://example.com/new']));
    say('squake changed', $changed->getKind(), $changed->getEndpointUrl());
    say('squake read', $api->getWebhook($made->getId())->getEndpointUrl());
    $api->deleteWebhook($made->getId());
    say('squake deleted');
    say('squake listed', count($api->listWebhooks()));
}

function shoptet(): void
{
    $configuration = fn (string $token) => (new Client\Shoptet\Configuration())
        ->setHost(getenv('SHOPTET_URL'))->setApiKey('Shoptet-Access-Token', $token);
    $right = $configuration(getenv('SHOPTET_TOKEN'));
    $api = new Client\Shoptet\Api\WebhooksApi(null, $right);
    $url = 'https://example.com/shoptet';
    $items = [
        new Client\Shoptet\Model\RegistrationItem(['event' => Client\Shoptet\Model\RegistrableEvent::ORDER_CREATE, 'url' => $url, 'send_payload' => 'full']),
        new Client\Shoptet\Model\RegistrationItem(['event' => Client\Shoptet\Model\RegistrableEvent::ORDER_DELETE, 'url' => $url]),
    ];
    $made = $api->registerWebhooks(new Client\Shoptet\Model\Registration(['data' => $items]))->getData()->getWebhooks();
    say('shoptet registered', count($made), $made[0]->getEvent(), $made[0]->getSendPayload(), $made[1]->getEvent(), $made[1]->getSendPayload());
    $again = new Client\Shoptet\Model\Registration(['data' => array_slice($items, 0, 1)]);
    [$status, $errors] = refused(fn () => $api->registerWebhooks($again));
    say('shoptet refused', $status, $errors->getErrors()[0]->getErrorCode(), $errors->getErrors()[0]->getInstance());
    $wrong = new Client\Shoptet\Api\WebhooksApi(null, $configuration('wrong'));
    [$status, $errors] = refused(fn () => $wrong->listWebhooks());
    say('shoptet unauthorized', $status, $errors->getErrors()[0]->getErrorCode(), $errors->getErrors()[0]->getInstance());
    $listed = $api->listWebhooks(1000)->getData();
    say('shoptet listed', count($listed->getWebhooks()), 'of', $listed->getPaginator()->getTotalCount());
    $change = new Client\Shoptet\Model\WebhookChange(['url' => 'https://example.com/new']);
    $changed = $api->changeWebhook($made[0]->getId(), new Client\Shoptet\Model\Change(['data' => $change]));
    say('shoptet changed', $changed->getData() === null);
    $read = $api->getWebhook($made[1]->getId())->getData()->getWebhook();
    $other = $api->getWebhook($made[0]->getId())->getData()->getWebhook();
    say('shoptet read', $other->getUrl(), $read->getUpdated() ?? 'never', $other->getUpdated() === null);
    say('shoptet key', strlen((new Client\Shoptet\Api\SignatureApi(null, $right))->renewSignatureKey()->getData()->getSignatureKey()));
    $sent = (new Client\Shoptet\Api\NotificationsApi(null, $right))->listNotifications(Client\Shoptet\Model\Status::FAILED, null, 'true');
    say('shoptet notifications', count($sent->getData()->getNotifications()));
    say('shoptet deleted', $api->deleteWebhook($made[0]->getId())->getData() === null);
    $listed = $api->listWebhooks()->getData();
    say('shoptet listed', count($listed->getWebhooks()), 'of', $listed->getPaginator()->getTotalCount());
}

function abbeycross(): void
{
    $api = fn (string $token) => new Client\Abbeycross\Api\WebhooksApi(
        null,
        (new Client\Abbeycross\Configuration())->setHost(getenv('ABBEYCROSS_URL'))->setAccessToken($token),
    );
    $wrong = $api('wrong');
    $api = $api(getenv('ABBEYCROSS_TOKEN'));
    $registration = new Client\Abbeycross\Model\Registration(['url' => 'https://example.com/abbeycross', 'events' => ['shipment.created', 'shipment.delivered']]);
    $key = $api->registerWebhook($registration)->getApiSecretKey();
    say('abbeycross registered', strlen($key));
    [$status, $e] = refused(fn () => $api->registerWebhook($registration));
    say('abbeycross refused', $status, $e->getCode(), $e->getParameterName(), $e->getParameterValue());
    [$status, $e] = refused(fn () => $wrong->listWebhooks());
    say('abbeycross unauthorized', $status, $e->getCode());
    $listed = $api->listWebhooks()->getWebhooks();
    say('abbeycross listed', count($listed), ...$listed[0]->getEvents());
    $rotated = $api->rotateSecret($listed[0]->getId())->getApiSecretKey();
    say('abbeycross rotated', strlen($rotated), $rotated !== $key);
    $api->deleteWebhook($listed[0]->getId());
    say('abbeycross deleted');
    say('abbeycross listed', count($api->listWebhooks()->getWebhooks()));
}

function operator(): void
{
    $configuration = fn (string $token) => (new Client\Operatorapi\Configuration())
        ->setHost(getenv('OPERATOR_URL'))->setAccessToken($token);
    $right = $configuration(getenv('OPERATOR_TOKEN'));
    $api = new Client\Operatorapi\Api\AccountsApi(null, $right);
    $made = $api->createAccount('squake:acme');
    say('operator created', $made->getAccount(), $made->getClosing());
    $api->createAccount('squake:other');
    $wrong = new Client\Operatorapi\Api\AccountsApi(null, $configuration('wrong'));
    [$status, $e] = refused(fn () => $wrong->getAccount('squake:acme'));
    say('operator unauthorized', $status, $e->getError()->getCode());
    [$status, $e] = refused(fn () => $api->getAccount('nowhere:1'));
    say('operator refused', $status, $e->getError()->getCode(), $e->getError()->getField());
    $token = (new Client\Operatorapi\Api\TokensApi(null, $right))->createToken('squake:acme', new Client\Operatorapi\Model\TokenRequest());
    say('operator token', strlen($token->getToken()), ...[...$token->getRights(), $token->getExpiresAt() ?? 'never']);
    $event = new Client\Operatorapi\Model\Event(['account' => 'squake:acme', 'event' => 'order', 'payload' => ['number' => 17]]);
    $publication = new Client\Operatorapi\Model\Publication(['events' => [$event]]);
    $result = (new Client\Operatorapi\Api\EventsApi(null, $right))->publishEvents($publication)->getResults()[0];
    say('operator published', $result->getStatus(), $result->getDelivery());
    $listed = [];
    for ($next = null; $listed === [] || $next !== null; $next = $page->getNext()) {
        $page = $api->listAccounts('squake', 1, $next);
        array_push($listed, ...array_map(fn ($a) => $a->getAccount(), $page->getAccounts()));
    }
    say('operator listed', ...$listed);
    say('operator deleted', $api->deleteAccount('squake:acme')->getClosing());
}

squake();
shoptet();
abbeycross();
operator();
