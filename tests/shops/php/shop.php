<?php

/**
 * A shop that takes payments through PAYON, with PHP's own extensions openssl and curl.
 *
 *   shop.php    this file: settings, and the shop's HTTP calls
 *   Shop.php    what the shop does about its orders
 *   Payon.php   calls to PAYON
 *   Books.php   the orders, in a file
 *   Money.php   exact amounts
 *   Loop.php    several things at once in one process
 */

declare(strict_types=1);

foreach (['Loop', 'Money', 'Books', 'Payon', 'Shop', 'Server'] as $file) {
    require __DIR__ . "/$file.php";
}

/** How long a caller is kept waiting for PAYON; what takes longer goes on by itself. */
const PATIENCE_S = 45;

function setting(string $name, ?string $default = null): string
{
    return getenv($name) ?: $default ?? exit("the environment must set $name\n");
}

/** An order as it is shown. */
function view(Order $order): array
{
    $text = fn (?int $minor): ?string => $minor === null ? null : Money::text($minor, $order->currency);
    return [
        'id' => $order->id,
        'txId' => $order->txId,
        'state' => $order->state,
        'amount' => $text($order->amount),
        'currency' => $order->currency,
        'checkoutUrl' => $order->checkoutUrl,
        'shippedCount' => $order->shipped,
        'captured' => $text($order->captured),
        'refunded' => $text($order->refunded),
        'note' => $order->note,
    ];
}

$loop = new Loop();
$port = setting('PORT', '3000');
$url = setting('SHOP_URL', "http://127.0.0.1:$port");
$payon = new Payon(
    $loop,
    setting('PAYON_URL'),
    setting('MERCHANT_ID'),
    setting('TERM_ID'),
    setting('PRIVATE_KEY'),
    getenv('TOKEN') ?: null,
);
$shop = new Shop($loop, new Books(setting('BOOKS', 'books.jsonl')), $payon, $url);

/** Answers about an order when the work is done or the caller has waited long enough. */
$after = function (string $id, ?Bell $work, int $status = 200) use ($shop): array {
    $isDone = $work === null || $work->wait(PATIENCE_S);
    return [$isDone ? $status : 202, view($shop->get($id))];
};

/** A push-back: stored, then acknowledged with the code that some senders want. What it says is not believed. */
$pushBack = function (array $body) use ($shop): array {
    if (!is_string($body['txId'] ?? null)) {
        throw new Refusal(400, 'a push-back names a txId');
    }
    $id = $shop->find($body['txId']) ?? throw new Refusal(404, 'no such order');
    $shop->heard($id, ($body['resultCode'] ?? null) !== '0000');
    return [200, ['resultCode' => '0000', 'resultMsg' => 'Success']];
};

/** The payer's page: it says that the shop is looking into it, and decides nothing. */
$comeBack = function (array $_, string $result, string $id) use ($shop): array {
    $shop->get($id);
    $shop->heard($id, $result !== 'success');
    return [200, 'Thank you. We are checking your payment.'];
};

$calls = [
    'GET /healthz' => fn (): array => [200, ['ok' => true]],
    'POST /orders' => function (array $body) use ($shop, $after): array {
        [$id, $registration] = $shop->order($body);
        return $after($id, $registration, 201);
    },
    'GET /orders' => fn (): array => [200, array_map(view(...), $shop->all())],
    'GET /orders/([^/]+)' => fn (array $_, string $id): array => [200, view($shop->get($id))],
    'POST /orders/([^/]+)/refund' => fn (array $body, string $id): array =>
        $after($id, $shop->giveBack($id, 'refund', $body['amount'] ?? null)),
    'POST /orders/([^/]+)/cancel' => fn (array $_, string $id): array => $after($id, $shop->giveBack($id, 'reversal')),
    'POST /orders/([^/]+)/capture' => fn (array $body, string $id): array =>
        $after($id, $shop->capture($id, $body['amount'] ?? null)),
    'POST /orders/([^/]+)/check' => function (array $_, string $id) use ($shop): array {
        $shop->check($id);
        return [200, view($shop->get($id))];
    },
    'POST /list' => fn (): array => [200, ['ok' => $shop->compareByList() === null]],
    'POST /reconcile' => fn (): array => [200, ['ok' => $shop->reconcile() === null]],
    'POST /cards' => function (array $body) use ($shop): array {
        $shop->bind((string) ($body['clientId'] ?? ''), $body);
        return [201, ['clientId' => $body['clientId'] ?? null, 'saved' => true]];
    },
    'POST /noti' => $pushBack,
    'GET /return/(success|fail|cancel)/([^/]+)' => $comeBack,
];

(new Server($loop, $calls))->listen(setting('HOST', '127.0.0.1'), (int) $port);
$loop->spawn($shop->open(...));
echo "the shop is open at $url\n";
$loop->run();
