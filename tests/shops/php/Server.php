<?php

declare(strict_types=1);

/** The shop's HTTP server: one request a connection, each in a fiber of its own. */
final class Server
{
    private const HEAD_BYTES_MAX = 16 << 10;
    private const BODY_BYTES_MAX = 64 << 10;
    /** Real seconds for a request that drips. */
    private const READ_LIMIT_S = 60;
    private const REASONS = [200 => 'OK', 201 => 'Created', 202 => 'Accepted'];

    /** @param array<string, callable> $calls by method and pattern of the path, such as "GET /orders/([^/]+)" */
    public function __construct(private readonly Loop $loop, private readonly array $calls)
    {
    }

    public function listen(string $host, int $port): void
    {
        $context = stream_context_create(['socket' => ['backlog' => 256]]);
        $flags = STREAM_SERVER_BIND | STREAM_SERVER_LISTEN;
        $server = stream_socket_server("tcp://$host:$port", $number, $message, $flags, $context);
        $server ?: exit("cannot listen at port $port: $message\n");
        stream_set_blocking($server, false);
        $this->loop->spawn(function () use ($server): void {
            while (true) {
                $this->loop->ready($server, microtime(true) + 3600);
                while ($connection = @stream_socket_accept($server, 0)) {
                    $this->loop->spawn(fn () => $this->serve($connection));
                }
            }
        });
    }

    private function serve($connection): void
    {
        stream_set_blocking($connection, false);
        try {
            $answer = $this->answer($connection);
        } catch (Refusal $refusal) {
            $answer = [$refusal->getCode(), ['error' => $refusal->getMessage()]];
        } catch (Throwable $error) {
            fwrite(STDERR, "$error\n");
            $answer = [500, ['error' => 'something went wrong']];
        }
        if ($answer !== null) {
            $this->write($connection, ...$answer);
        }
        fclose($connection);
    }

    /** Reads a request and lets it be answered; null when its sender has gone. */
    private function answer($connection): ?array
    {
        $until = microtime(true) + self::READ_LIMIT_S;
        $received = '';
        while (($end = strpos($received, "\r\n\r\n")) === false) {
            $part = $this->read($connection, $until);
            if ($part === null || strlen($received .= $part) > self::HEAD_BYTES_MAX + self::BODY_BYTES_MAX) {
                return $received === '' ? null : throw new Refusal(400, 'the request cannot be read');
            }
        }
        $lines = explode("\r\n", substr($received, 0, $end));
        if (!preg_match('#^([A-Z]+) (/[^ ?]*)[^ ]* HTTP/1\.[01]$#', $lines[0], $request)) {
            throw new Refusal(400, 'the request cannot be read');
        }
        [$length, $isExpecting] = $this->headers($lines);
        if ($isExpecting) {
            fwrite($connection, "HTTP/1.1 100 Continue\r\n\r\n");
        }
        // Read to its end, so that its sender hears the answer, but no more is kept than is sensible.
        $body = substr($received, $end + 4);
        $left = $length - strlen($body);
        while ($left > 0) {
            $part = $this->read($connection, $until) ?? throw new Refusal(408, 'the body ended early, or took too long');
            $left -= strlen($part);
            $body .= strlen($body) <= self::BODY_BYTES_MAX ? $part : '';
        }
        if ($length > self::BODY_BYTES_MAX) {
            throw new Refusal(413, 'a body may have ' . self::BODY_BYTES_MAX . ' bytes');
        }
        return $this->dispatch($request[1], $request[2], $body);
    }

    /** The length of the body, and whether its sender waits to be told to go on. */
    private function headers(array $lines): array
    {
        [$length, $isExpecting] = ['0', false];
        foreach ($lines as $line) {
            if (preg_match('/^(content-length|expect|transfer-encoding):\s*(.*?)\s*$/i', $line, $header)) {
                match (strtolower($header[1])) {
                    'content-length' => $length = $header[2],
                    'expect' => $isExpecting = true,
                    'transfer-encoding' => throw new Refusal(411, 'the length of the body must be told'),
                };
            }
        }
        return ctype_digit($length) ? [(int) $length, $isExpecting] : throw new Refusal(400, 'the length is no number');
    }

    private function dispatch(string $method, string $path, string $body): array
    {
        $others = [];
        foreach ($this->calls as $route => $call) {
            [$its, $pattern] = explode(' ', $route);
            if (!preg_match("#^$pattern$#D", $path, $match)) {
                continue;
            }
            if ($its === $method) {
                $members = $method === 'POST' ? $this->parse($body) : [];
                return $call($members, ...array_slice($match, 1));
            }
            $others[] = $its;
        }
        throw $others === [] ? new Refusal(404, "there is no $path") : new Refusal(405, "$path takes " . implode(', ', $others));
    }

    /** The body as an object; an empty one is none. */
    private function parse(string $body): array
    {
        $members = json_decode($body === '' ? '{}' : $body);
        return $members instanceof stdClass ? json_decode($body ?: '{}', true) : throw new Refusal(400, 'the body must be a JSON object');
    }

    /** The next bytes; null when there are none any more, or not in time. */
    private function read($connection, float $until): ?string
    {
        if (!$this->loop->ready($connection, $until)) {
            return null;
        }
        $part = @fread($connection, 1 << 16);
        return $part === false || $part === '' ? null : $part;
    }

    private function write($connection, int $status, array|string $said): void
    {
        $isPage = is_string($said);
        $body = $isPage ? $said : json_encode($said, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES);
        $answer = implode("\r\n", [
            "HTTP/1.1 $status " . (self::REASONS[$status] ?? 'Refused'),
            'Content-Type: ' . ($isPage ? 'text/plain; charset=utf-8' : 'application/json'),
            'Content-Length: ' . strlen($body),
            'Connection: close',
            '',
            $body,
        ]);
        $until = microtime(true) + self::READ_LIMIT_S;
        while ($answer !== '' && $this->loop->ready($connection, $until, toWrite: true)) {
            $written = @fwrite($connection, $answer);
            if ($written === false || $written === 0) {
                return;
            }
            $answer = substr($answer, $written);
        }
    }
}
