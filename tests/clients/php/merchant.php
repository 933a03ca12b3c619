<?php
// A shop that takes payments through PAYON, with PHP's own extensions openssl and curl.

declare(strict_types=1);

const CUSTOMER = '02';
const PATIENCE_S = 10;

define('BASE_URL', getenv('BASE_URL'));
define('CONTROL_URL', getenv('CONTROL_URL'));
define('OURS', ['merchantId' => getenv('MERCHANT_ID'), 'termId' => getenv('TERM_ID')]);
define('PRIVATE_KEY', openssl_pkey_get_private(pem('PRIVATE KEY', getenv('PRIVATE_KEY'))));
define('GATEWAY_KEY', openssl_pkey_get_public(pem('PUBLIC KEY', getenv('GATEWAY_PUBLIC_KEY'))));

// --- How requests are made ---

/** Base64 on one line becomes the PEM that openssl reads. */
function pem(string $kind, string $base64): string
{
    return "-----BEGIN $kind-----\n" . chunk_split($base64, 64, "\n") . "-----END $kind-----\n";
}

/** Sends a request, a POST where there is a body, and gives HTTP status and text of the answer. */
function send(string $url, ?string $body = null): array
{
    $curl = curl_init($url);
    curl_setopt_array($curl, [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => PATIENCE_S]);
    if ($body !== null) {
        curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
        curl_setopt($curl, CURLOPT_HTTPHEADER, ['Content-Type: application/json']);
    } else {
        curl_setopt($curl, CURLOPT_FOLLOWLOCATION, true);
    }
    $text = curl_exec($curl);
    if ($text === false) {
        throw new RuntimeException("$url: " . curl_error($curl));
    }
    return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $text];
}

function post(string $url, array $body): array
{
    // PHP would write an empty array as [].
    [$http, $text] = send($url, $body === [] ? '{}' : json_encode($body, JSON_UNESCAPED_SLASHES));
    return [$http, json_decode($text, true, flags: JSON_THROW_ON_ERROR)];
}

/** Posts a request to PAYON. */
function call(string $path, array $body): array
{
    return post(BASE_URL . $path, $body);
}

/** What is signed: name=value pairs sorted by name, joined by &; sign, null and '' left out, but not 0. */
function canonical(array $body): string
{
    unset($body['sign']);
    $body = array_filter($body, fn ($value) => $value !== null && $value !== '');
    ksort($body, SORT_STRING);
    return pairs($body);
}

function pairs(array $body): string
{
    return implode('&', array_map(fn ($name) => "$name={$body[$name]}", array_keys($body)));
}

/** RSA-SHA256 with PKCS#1 v1.5 padding, in Base64. */
function signature(string $text): string
{
    openssl_sign($text, $signature, PRIVATE_KEY, OPENSSL_ALGO_SHA256);
    return base64_encode($signature);
}

function sign(array $body): array
{
    return [...$body, 'sign' => signature(canonical($body))];
}

/** RSA with PKCS#1 v1.5 padding under PAYON's key, in as many blocks as the text needs. */
function encrypt(string $text): string
{
    $room = intdiv(openssl_pkey_get_details(GATEWAY_KEY)['bits'], 8) - 11;
    $cipher = '';
    foreach (str_split($text, $room) as $block) {
        openssl_public_encrypt($block, $encrypted, GATEWAY_KEY, OPENSSL_PKCS1_PADDING);
        $cipher .= $encrypted;
    }
    return $cipher;
}

function expect(string $what, mixed $got, mixed $wanted): void
{
    if ($got !== $wanted) {
        [$got, $wanted] = [json_encode($got), json_encode($wanted)];
        throw new RuntimeException("$what: expected $wanted, got $got");
    }
}

/** An amount of an answer as text with its cents. */
function cents(int|float|null $amount): string
{
    return number_format((float) $amount, 2, '.', '');
}

// --- Push-backs ---

/** Listens for push-backs; one that arrives early waits in the socket's queue. */
final class PushBacks
{
    public readonly string $url;
    public int $count = 0;
    private $socket;

    public function __construct()
    {
        $this->socket = stream_socket_server('tcp://127.0.0.1:0');
        $this->url = 'http://' . stream_socket_get_name($this->socket, false) . '/payon/push-back';
    }

    /** Takes push-backs, answers 200 to each, and gives the one for the order. */
    public function waitFor(string $txId): array
    {
        do {
            $connection = @stream_socket_accept($this->socket, PATIENCE_S);
            if ($connection === false) {
                throw new RuntimeException("no push-back for $txId within " . PATIENCE_S . ' s');
            }
            $notice = json_decode($this->body($connection), true, flags: JSON_THROW_ON_ERROR);
            fwrite($connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            fclose($connection);
            $this->count++;
        } while ($notice['txId'] !== $txId);
        return $notice;
    }

    private function body($connection): string
    {
        $length = 0;
        while (($line = rtrim((string) fgets($connection))) !== '') {
            if (stripos($line, 'content-length:') === 0) {
                $length = (int) substr($line, strlen('content-length:'));
            }
        }
        return stream_get_contents($connection, $length);
    }
}

// --- The steps ---

function newTxId(): string
{
    return 'php-' . bin2hex(random_bytes(8));
}

/** Announces an order: trt 10 is a purchase, 12 a pre-authorisation. */
function register(PushBacks $pushBacks, string $trt, string $amount): string
{
    $txId = newTxId();
    [, $answer] = call('/pg/order/register', [
        ...OURS,
        'txId' => $txId,
        'trt' => $trt,
        'currency' => 'USD',
        'amount' => $amount,
        'paymentMethod' => 'CREDIT_DEBIT',
        'clientId' => CUSTOMER,
        'noti_url' => $pushBacks->url,
    ]);
    expect('register', $answer['resultCode'], '0000');
    expect('registered amount', cents($answer['resultData']['amount']), $amount);
    expect('checkoutUrl', parse_url($answer['resultData']['checkoutUrl'], PHP_URL_SCHEME), 'http');
    return $txId;
}

function status(string $txId, string $amount): array
{
    $body = [...OURS, 'txId' => $txId, 'amount' => $amount, 'currency' => 'USD'];
    return call('/pg/transaction/status', $body);
}

/** Plays the payer; in real life somebody opens checkoutUrl in a browser. */
function pay(string $txId): void
{
    $merchant = OURS['merchantId'];
    [$http] = post(CONTROL_URL . "/_sim/v1/orders/$merchant/$txId/pay", []);
    expect('pay', $http, 200);
}

/** Waits for the push-back. It carries no signature, so only the status call is believed. */
function settle(PushBacks $pushBacks, string $txId, string $amount, string $state): void
{
    expect('status before the payment', status($txId, $amount)[0], 302);
    pay($txId);
    expect('push-back', $pushBacks->waitFor($txId)['resultCode'], '0000');
    [$http, $answer] = status($txId, $amount);
    expect('status', [$http, $answer['resultCode']], [200, '0000']);
    $order = $answer['resultData'];
    expect('paid order', [$order['tracNo'], $order['txStCd']], [$txId, $state]);
    expect('paid amount', [cents($order['amount']), $order['currencyCode']], [$amount, 'USD']);
}

function refund(string $txId, string $amount): void
{
    [, $answer] = call('/pg/refund', sign([...OURS, 'txId' => $txId, 'amount' => $amount]));
    expect('refund', [$answer['resultCode'], cents($answer['amount'])], ['0000', $amount]);
}

/** Nothing can be given back, but it must not be taken for everything either: a zero is signed and sent. */
function refundNothing(string $txId): void
{
    foreach ([0, '0'] as $amount) {
        [, $answer] = call('/pg/refund', sign([...OURS, 'txId' => $txId, 'amount' => $amount]));
        expect('refund of nothing', $answer['resultCode'], '1103');
    }
}

function reverse(string $txId, string $amount): void
{
    [, $answer] = call('/pg/reversal', sign([...OURS, 'txId' => $txId]));
    expect('reversal', [$answer['resultCode'], cents($answer['amount'])], ['0000', $amount]);
}

/** Captures a part of what was authorised; the rest is released. */
function complete(string $txId, string $amount): void
{
    $body = sign([...OURS, 'txId' => $txId, 'currency' => 'USD', 'amount' => $amount]);
    [, $answer] = call('/pg/preAuthCompletion', $body);
    expect('completion', [$answer['resultCode'], cents($answer['amount'])], ['0000', $amount]);
}

/** Signs the members as they stand instead of sorted, is refused, and asks the simulator why. */
function explain(string $txId): array
{
    $body = ['txId' => $txId, ...OURS];
    $body['sign'] = signature(pairs($body));
    [, $answer] = call('/pg/refund', $body);
    expect('refund with a wrong signature', $answer['resultCode'], '2102');
    $question = ['merchantId' => OURS['merchantId'], 'operation' => 'refund', 'body' => $body];
    [, $explanation] = post(CONTROL_URL . '/_sim/v1/sign/explain', $question);
    expect('explanation', $explanation['ok'], false);
    echo "the signature was refused: {$explanation['summary']}\n";
    foreach ($explanation['causes'] as $cause) {
        echo "  because: {$cause['message']}\n";
    }
    return array_column($explanation['causes'], 'code');
}

/** Saves a card without a payment. */
function bind(): string
{
    [, $answer] = call('/pg/binding/register', [
        ...OURS,
        'clientId' => CUSTOMER,
        'paymentMethod' => 'CREDIT_DEBIT',
        'wdlAcNo' => '5204730000001003',
        'wdlCvv' => '100',
        'wdlExpiry' => '202512',
        'wdlNm' => 'MC',
        'phone' => '855964444781',
        'pin' => '123456',
    ]);
    expect('binding', [$answer['resultCode'], $answer['wdlAcNo']], ['0000', '520473**1003']);
    return $answer['bindingId'];
}

function createPin(string $pin): void
{
    $body = [...OURS, 'clientId' => CUSTOMER, 'pin' => base64_encode(encrypt($pin))];
    [, $answer] = call('/pg/binding/createPIN', $body);
    expect('createPIN', $answer['resultCode'], '0000');
}

/** A link that needs no register call: the order travels in it, encrypted for PAYON. It ends by itself. */
function checkoutLink(PushBacks $pushBacks, string $amount): string
{
    $txId = newTxId();
    $order = json_encode([
        ...OURS,
        'txId' => $txId,
        'trt' => '10',
        'currency' => 'USD',
        'amount' => $amount,
        'paymentMethod' => 'CREDIT_DEBIT',
        'clientId' => CUSTOMER,
        'noti_url' => $pushBacks->url,
        'success_url' => 'https://shop.example/done',
        'fail_url' => 'https://shop.example/failed',
        'cancel_url' => 'https://shop.example/cart',
        'issuedAt' => (string) (int) (microtime(true) * 1000),
    ], JSON_UNESCAPED_SLASHES);
    $data = strtr(base64_encode(encrypt($order)), '+/', '-_');
    $query = http_build_query(['merchantId' => OURS['merchantId'], 'data' => $data]);
    [$http] = send(BASE_URL . "/pg/checkout?$query");
    expect('checkout page', $http, 200);
    return $txId;
}

/** The orders of the last two days, as Cambodia's calendar has them. */
function orders(): array
{
    $today = new DateTimeImmutable('now', new DateTimeZone('Asia/Phnom_Penh'));
    [, $rows] = call('/pg/orders', [
        'fromDate' => $today->modify('-1 day')->format('dmY'),
        'toDate' => $today->format('dmY'),
        'index' => 1,
        'limit' => 100,
        ...OURS,
    ]);
    $sequence = $sorted = array_column($rows, 'txSeqNo');
    sort($sorted, SORT_STRING);
    expect('ascending orders', $sequence, $sorted);
    return array_column($rows, null, 'tracNo');
}

$pushBacks = new PushBacks();

$purchase = register($pushBacks, '10', '12.50');
settle($pushBacks, $purchase, '12.50', 'COMPLETE');
$causes = explain($purchase);
refundNothing($purchase);
refund($purchase, '2.50');
refund($purchase, '10.00');

$preAuth = register($pushBacks, '12', '20.00');
settle($pushBacks, $preAuth, '20.00', 'AUTHORIZED');
complete($preAuth, '15.00');

$reversed = register($pushBacks, '10', '7.00');
settle($pushBacks, $reversed, '7.00', 'COMPLETE');
reverse($reversed, '7.00');

$binding = bind();
createPin('246810');
$link = checkoutLink($pushBacks, '3.25');

$listed = orders();
expect('refunded in the list', $listed[$purchase]['refundYn'], 'Y');
expect('reversed in the list', $listed[$reversed]['cancelYn'], 'Y');
expect('completed in the list', $listed[$preAuth]['txStCd'], '09');

echo json_encode([
    'client' => 'php',
    'purchase' => $purchase,
    'preAuth' => $preAuth,
    'reversed' => $reversed,
    'link' => $link,
    'binding' => $binding,
    'causes' => $causes,
    'pushBacks' => $pushBacks->count,
    'orders' => count($listed),
]), "\n";
