<?php

declare(strict_types=1);

namespace PayonSim;

use RuntimeException;

/** An isolated world with one merchant. Give baseUrl, the ids and the keys to the code under test. */
final class Space
{
    public string $name;
    public string $baseUrl;
    public string $merchantId;
    public string $termId;
    /** PKCS#8, Base64 DER on one line; a test key. */
    public string $privateKey;
    /** SubjectPublicKeyInfo, Base64 DER on one line. */
    public string $gatewayPublicKey;
    private string $controlUrl;
    private Server $server;

    public function __construct(Server $server, array $made)
    {
        $this->server = $server;
        ['name' => $this->name, 'baseUrl' => $this->baseUrl, 'controlUrl' => $this->controlUrl] = $made;
        ['merchantId' => $this->merchantId, 'termId' => $this->termId] = $made['merchants'][0];
        [$this->privateKey, $this->gatewayPublicKey] = [$made['merchants'][0]['privateKey'], $made['gatewayPublicKey']];
    }

    /** A noti_url that needs no listener: what is sent there, pushback() reads. */
    public function inboxUrl(string $box = 'shop'): string
    {
        return "$this->baseUrl/_sim/inbox/$box";
    }

    /** Calls the control plane below /_sim/v1/. */
    public function control(string $method, string $path, mixed $body = null): mixed
    {
        return $this->server->control($method, "$this->controlUrl/_sim/v1/$path", $body);
    }

    /** Calls PAYON as the merchant, such as /pg/refund; merchantId and termId are added. */
    public function call(string $path, array $members, bool $sign = false): array
    {
        $body = ['merchantId' => $this->merchantId, 'termId' => $this->termId, ...$members];
        if ($sign) {
            $body = $this->control('POST', 'sign', ['merchantId' => $this->merchantId, 'body' => $body])['body'];
        }
        return $this->server->send('POST', $this->baseUrl . $path, $body)[1];
    }

    /** Registers an order by card in US dollars; members of the request go before these. */
    public function register(string $amount = '1.00', array $members = []): array
    {
        $usual = ['txId' => bin2hex(random_bytes(16)), 'trt' => '10', 'currency' => 'USD', 'amount' => $amount];
        $order = [...$usual, 'paymentMethod' => 'CREDIT_DEBIT', 'noti_url' => $this->inboxUrl(), ...$members];
        $answer = $this->call('/pg/order/register', $order);
        if ($answer['resultCode'] !== '0000') {
            throw new RuntimeException('the order is refused: ' . json_encode($answer));
        }
        return [...$order, ...$answer['resultData']];
    }

    /** Plays the payer: nothing said, the first card that is approved; ['outcome' => 'card.insufficient-funds'] and so on. */
    public function pay(array|string $order, array $payer = []): array
    {
        return $this->control('POST', $this->path($order, '/pay'), (object) $payer);
    }

    /** Makes an event happen: expire, cancel, settle, late-decline, late-approval or chargeback. */
    public function trigger(array|string $order, string $event): array
    {
        return $this->control('POST', $this->path($order, '/trigger'), ['event' => $event]);
    }

    /** The order as the gateway's books have it. */
    public function order(array|string $order): array
    {
        return $this->control('GET', $this->path($order));
    }

    /** Asks PAYON for the status of an order, as a merchant must after a push-back. */
    public function status(array $order): array
    {
        return $this->call('/pg/transaction/status', array_intersect_key($order, ['txId' => 0, 'amount' => 0, 'currency' => 0]));
    }

    /** Asks PAYON for a refund, signed. */
    public function refund(array|string $order, string $amount): array
    {
        return $this->call('/pg/refund', ['txId' => self::txId($order), 'amount' => $amount], true);
    }

    /** Waits for a push-back of an order that came to inboxUrl($box), and returns its body. */
    public function pushback(array|string $order, string $box = 'shop', array $query = []): array
    {
        return $this->wait('inbox', ['box' => $box, 'txId' => self::txId($order), ...$query])['message']['json'];
    }

    /** Waits for order-final, pushback-acknowledged, pushback-exhausted, request, inbox or idle. */
    public function wait(string $what, array $query = []): array
    {
        return $this->control('GET', 'wait?' . http_build_query(['for' => $what, ...$query]));
    }

    /** Changes the clock of the space: ['advance' => '10m'], ['freeze' => true], ['runUntilIdle' => true]. */
    public function clock(array $wish): array
    {
        return $this->control('POST', 'clock', $wish);
    }

    /** Arms rules as in a scenario file in place of those before. */
    public function rules(array ...$rules): array
    {
        return $this->control('PUT', 'rules', $rules);
    }

    /** Arms the rules of a scenario of the catalogue, such as S014. */
    public function scenario(string $id): array
    {
        return $this->control('POST', 'scenarios/' . rawurlencode($id) . '/arm', (object) []);
    }

    /** Judges expectations as under `expect` of a scenario file. @return string[] what is not met, with the evidence */
    public function unmet(array ...$expect): array
    {
        $results = $this->control('POST', 'verify', ['expect' => $expect])['results'];
        $failed = array_filter($results, fn (array $it): bool => !$it['ok']);
        return array_values(array_map(fn (array $it): string => json_encode($it['expectation']) . ": $it[detail]", $failed));
    }

    /** Requests, findings and push-backs of the space in words. */
    public function report(): string
    {
        return $this->control('GET', 'report')['text'];
    }

    private function path(array|string $order, string $verb = ''): string
    {
        return "orders/$this->merchantId/" . rawurlencode(self::txId($order)) . $verb;
    }

    private static function txId(array|string $order): string
    {
        return is_string($order) ? $order : $order['txId'];
    }
}
