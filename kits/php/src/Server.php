<?php

declare(strict_types=1);

namespace PayonSim;

use RuntimeException;

/** A running simulator: the one at PAYON_SIM_URL, else one that is started on a free port and ends with this process. */
final class Server
{
    private static ?self $shared = null;

    /** @var resource|null */
    private $process = null;
    /** @var resource[] */
    private array $pipes = [];
    private string $controlUrl;
    private ?string $token;

    /**
     * @param string[] $flags those of `payon-sim serve`; with any, a simulator is started in any case
     * @param string|null $binary the program; null: PAYON_SIM_BIN, else payon-sim on PATH
     */
    public function __construct(array $flags = [], ?string $binary = null)
    {
        $url = getenv('PAYON_SIM_CONTROL_URL') ?: getenv('PAYON_SIM_URL');
        $this->token = getenv('PAYON_SIM_CONTROL_TOKEN') ?: null;
        if ($url && !$flags) {
            $this->controlUrl = rtrim($url, '/');
            return;
        }
        $line = [$binary ?? (getenv('PAYON_SIM_BIN') ?: 'payon-sim'), 'serve', '--port', '0', '--quiet', '--ready-file', '-', '--exit-with-parent', ...$flags];
        // Its input stays open as long as this process lives, and ends with it.
        $process = proc_open($line, [['pipe', 'r'], ['pipe', 'w'], STDERR], $this->pipes);
        $ready = $process ? fgets($this->pipes[1]) : false;
        if ($ready === false) {
            throw new RuntimeException("payon-sim was not ready; it says why above. Is $line[0] the program? PAYON_SIM_BIN names another");
        }
        $this->process = $process;
        $told = json_decode($ready, true, 512, JSON_THROW_ON_ERROR);
        $this->controlUrl = $told['controlUrl'];
        $this->token = $told['controlToken'] ?? null;
    }

    /** One simulator for all tests of this process. */
    public static function shared(): self
    {
        return self::$shared ??= new self();
    }

    /** Makes a space; the wishes such as name and seed are those of POST /_sim/v1/spaces. */
    public function space(array $wishes = []): Space
    {
        return new Space($this, $this->control('POST', "$this->controlUrl/_sim/v1/spaces", (object) $wishes));
    }

    public function remove(Space $space): void
    {
        $this->send('DELETE', "$this->controlUrl/_sim/v1/spaces/$space->name", null, $this->token);
    }

    /** Calls the control plane. */
    public function control(string $method, string $url, mixed $body = null): mixed
    {
        [$status, $answer] = $this->send($method, $url, $body, $this->token);
        if ($status >= 400) {
            throw new RuntimeException($answer['detail'] ?? "payon-sim answers $status");
        }
        return $answer;
    }

    /** @return array{int, mixed} HTTP status and answer */
    public function send(string $method, string $url, mixed $body = null, ?string $token = null): array
    {
        $headers = ['Content-Type: application/json', ...($token ? ["Authorization: Bearer $token"] : [])];
        $content = $body === null ? '' : json_encode($body, JSON_THROW_ON_ERROR);
        $http = ['method' => $method, 'header' => $headers, 'content' => $content, 'ignore_errors' => true, 'timeout' => 310];
        $answer = file_get_contents($url, false, stream_context_create(['http' => $http]));
        if ($answer === false) {
            throw new RuntimeException("no answer from $url");
        }
        $head = preg_grep('~^HTTP/~', $http_response_header);
        return [(int) explode(' ', end($head))[1], json_decode($answer, true)];
    }

    public function __destruct()
    {
        if ($this->process) {
            fclose($this->pipes[0]);
            proc_close($this->process);
        }
    }
}
