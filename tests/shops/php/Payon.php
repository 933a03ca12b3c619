<?php

declare(strict_types=1);

/**
 * What a call has come to:
 *   yes    done, with the body
 *   no     refused, with the code
 *   later  refused for now, nothing was done
 *   lost   no answer, or none that can be read: nothing is known
 */
final class Answer
{
    public function __construct(
        public readonly string $kind,
        public readonly array $body = [],
        public readonly ?string $code = null,
    ) {
    }
}

/**
 * What PAYON says of an order:
 *   told     a success: its state, amount and currency
 *   open     no success to tell of: unknown, not paid yet, or not any more; these three look the same
 *   unknown  no answer
 */
final class Status
{
    public function __construct(
        public readonly string $kind,
        public readonly ?string $state = null,
        public readonly mixed $amount = null,
        public readonly ?string $currency = null,
    ) {
    }
}

/** Calls to PAYON: signed where needed, limited in time, never redirected, and read for what they really say. */
final class Payon
{
    private const CALL_LIMIT_S = 30;
    private const ANSWER_BYTES_MAX = 4 << 20;
    private const PAGE_ROWS = 100;
    private const SIGNED = ['/pg/refund', '/pg/reversal', '/pg/preAuthCompletion'];
    private const STATUS = '/pg/transaction/status';
    /** "Not now; nothing was done." */
    private const TEMPORARY = ['9001', '9002'];
    private const SYSTEM_ERROR = '9999';

    private readonly OpenSSLAsymmetricKey $key;
    /** PAYON has asked to be left alone until then. */
    private float $notBefore = 0;

    public function __construct(
        private readonly Loop $loop,
        private readonly string $url,
        private readonly string $merchantId,
        private readonly string $termId,
        string $privateKey,
        private readonly ?string $token,
    ) {
        $pem = "-----BEGIN PRIVATE KEY-----\n" . chunk_split($privateKey, 64, "\n") . "-----END PRIVATE KEY-----\n";
        $key = openssl_pkey_get_private($pem);
        if ($key === false) {
            exit("PRIVATE_KEY must be PKCS#8 in Base64 on one line\n");
        }
        $this->key = $key;
    }

    public function call(string $path, array $members): Answer
    {
        $ours = ['merchantId' => $this->merchantId, 'termId' => $this->termId];
        if (array_is_list($members)) {
            $body = array_map(fn (array $row): array => $ours + $row, $members);
        } else {
            $body = array_filter($ours + $members, fn (mixed $value): bool => $value !== null);
            if (in_array($path, self::SIGNED, true)) {
                $body['sign'] = $this->signature($body);
            }
        }
        $this->loop->sleepUntil($this->notBefore);
        return $this->understand($path, ...$this->post($path, json_encode($body, JSON_THROW_ON_ERROR)));
    }

    /** RSA-SHA256 over the sorted name=value pairs, empty ones left out, in Base64. */
    private function signature(array $body): string
    {
        $body = array_filter($body, fn (mixed $value): bool => $value !== '');
        ksort($body, SORT_STRING);
        $pairs = array_map(fn (string $name, string $value): string => "$name=$value", array_keys($body), $body);
        openssl_sign(implode('&', $pairs), $signature, $this->key, OPENSSL_ALGO_SHA256);
        return base64_encode($signature);
    }

    /** The text of the answer, null without one, and the seconds for which PAYON wants to be left alone. */
    private function post(string $path, string $body): array
    {
        $text = '';
        $retryAfter = null;
        $call = curl_init($this->url . $path);
        $headers = ['Content-Type: application/json'];
        if ($this->token !== null) {
            $headers[] = "Authentication: $this->token";
        }
        curl_setopt_array($call, [
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => $headers,
            CURLOPT_FOLLOWLOCATION => false,
            // When a kept connection dies without an answer, curl sends the request once more by itself and at once: twice the
            // money, and no pause.
            CURLOPT_FRESH_CONNECT => true,
            // For the call as a whole: an answer that drips byte by byte ends as well.
            CURLOPT_TIMEOUT_MS => max(1, (int) (1000 * $this->loop->real(self::CALL_LIMIT_S))),
            CURLOPT_HEADERFUNCTION => function (CurlHandle $_, string $line) use (&$retryAfter): int {
                if (preg_match('/^retry-after:\s*(\d+)\s*$/i', $line, $match)) {
                    $retryAfter = (int) $match[1];
                }
                return strlen($line);
            },
            CURLOPT_WRITEFUNCTION => function (CurlHandle $_, string $part) use (&$text): int {
                $text .= $part;
                return strlen($text) > self::ANSWER_BYTES_MAX ? 0 : strlen($part);
            },
        ]);
        return [$this->loop->call($call) ? $text : null, $retryAfter];
    }

    private function understand(string $path, ?string $text, ?int $retryAfter): Answer
    {
        if ($retryAfter !== null) {
            $this->notBefore = max($this->notBefore, microtime(true) + $this->loop->real($retryAfter));
            return new Answer('later');
        }
        $body = json_decode($text ?? '', true); // whatever the Content-Type and the status say
        if (!is_array($body)) {
            return new Answer('lost');
        }
        $code = $body['resultCode'] ?? null;
        if ($code === '0000' || array_is_list($body)) {
            return new Answer('yes', $body);
        }
        if (in_array($code, self::TEMPORARY, true)) {
            return new Answer('later');
        }
        // "System error" says nothing about money. Only of a status call it is documented: no success to tell of.
        if (!is_string($code) || ($code === self::SYSTEM_ERROR && $path !== self::STATUS)) {
            return new Answer('lost');
        }
        return new Answer('no', code: $code);
    }

    public function register(Order $order, array $urls, ?string $bindingId): Answer
    {
        return $this->call('/pg/order/register', $urls + [
            'txId' => $order->txId,
            'trt' => $order->trt,
            'currency' => $order->currency,
            'amount' => Money::text($order->amount, $order->currency),
            'paymentMethod' => $order->method,
            'clientId' => $order->clientId,
            'bindingId' => $bindingId,
        ]);
    }

    /** Makes the call of a job; a refund of all that is left names no amount. */
    public function move(Order $order, Job $job): Answer
    {
        $amount = Money::text($job->amount, $order->currency);
        return match ($job->kind) {
            'capture' => $this->call('/pg/preAuthCompletion', [
                'txId' => $order->txId,
                'currency' => $order->currency,
                'amount' => $amount,
            ]),
            'reversal' => $this->call('/pg/reversal', ['txId' => $order->txId]),
            'refund' => $this->call('/pg/refund', [
                'txId' => $order->txId,
                'amount' => $job->whole ? null : $amount,
            ]),
        };
    }

    public function status(Order $order): Status
    {
        $answer = $this->call(self::STATUS, [
            'txId' => $order->txId,
            'amount' => Money::text($order->amount, $order->currency),
            'currency' => $order->currency,
        ]);
        if ($answer->kind === 'no') {
            return new Status('open');
        }
        $data = $answer->body['resultData'] ?? null;
        if (!is_array($data) || ($data['tracNo'] ?? $order->txId) !== $order->txId) {
            return new Status('unknown');
        }
        $text = fn (string $name): ?string => is_string($data[$name] ?? null) ? $data[$name] : null;
        return new Status('told', $text('txStCd'), $data['amount'] ?? null, $text('currencyCode'));
    }

    /** The rows of all orders of these days (yyyyMMdd); null when there is no answer. */
    public function orders(string $from, string $to): ?array
    {
        $day = fn (string $day): string => substr($day, 6) . substr($day, 4, 2) . substr($day, 0, 4);
        $rows = [];
        for ($index = 1; ; $index += 1) {
            $page = ['fromDate' => $day($from), 'toDate' => $day($to), 'index' => $index, 'limit' => self::PAGE_ROWS];
            $listed = $this->ask('/pg/orders', $page);
            if ($listed === null) {
                return null;
            }
            array_push($rows, ...array_filter($listed, is_array(...)));
            if (count($listed) < self::PAGE_ROWS) {
                return $rows;
            }
        }
    }

    /** PAYON's verdict on each row, in order: its code; null when there is no answer. */
    public function reconcile(array $claims): ?array
    {
        $codes = [];
        foreach (array_chunk($claims, self::PAGE_ROWS) as $some) {
            $verdicts = $this->ask('/pg/merchant/reconcilation', $some);
            if ($verdicts === null) {
                return null;
            }
            array_push($codes, ...array_map(fn (mixed $row): mixed => $row['resultCode'] ?? null, $verdicts));
        }
        return $codes;
    }

    /** The list that a call answers, which only asks and may be made a few times. */
    private function ask(string $path, array $members): ?array
    {
        for ($tried = 0; $tried < 4; $tried += 1) {
            if ($tried > 0) {
                $this->loop->sleep(5 * 4 ** $tried);
            }
            $answer = $this->call($path, $members);
            if ($answer->kind === 'yes' && array_is_list($answer->body)) {
                return $answer->body;
            }
            if ($answer->kind === 'no') {
                break;
            }
        }
        return null;
    }

    public function bind(string $clientId, array $card): Answer
    {
        return $this->call('/pg/binding/register', [
            'clientId' => $clientId,
            'paymentMethod' => 'CREDIT_DEBIT',
            'wdlAcNo' => $card['number'] ?? null,
            'wdlCvv' => $card['cvv'] ?? null,
            'wdlExpiry' => $card['expiry'] ?? null,
        ]);
    }

    /** The ids of a client's saved cards; null when there is no answer. */
    public function bindings(string $clientId): ?array
    {
        $rows = $this->call('/pg/bindingList', ['clientId' => $clientId])->body['resultData'] ?? null;
        return is_array($rows) ? array_column($rows, 'bindingId') : null;
    }
}
