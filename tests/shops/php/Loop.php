<?php

declare(strict_types=1);

/**
 * Several things at once in one process: each runs in a fiber of its own, and whoever waits for a time, a stream or an
 * answer lets the others go on meanwhile.
 *
 * All durations of this shop are in seconds of the gateway's time; against a simulator whose time runs faster, TIME_SCALE
 * says how many of them pass in one real second.
 */
final class Loop
{
    /** How often running calls are looked after, in real seconds. */
    private const CALLS_EVERY = 0.002;

    public readonly float $scale;
    /** @var array<int, array{float, Fiber}> fibers that wait for a time */
    private array $timers = [];
    private int $nextTimer = 0;
    /** @var array<int, array{resource, Fiber}> fibers that wait for something to read */
    private array $readers = [];
    /** @var array<int, array{resource, Fiber}> fibers that wait for room to write */
    private array $writers = [];
    private CurlMultiHandle $calls;
    /** @var array<int, Fiber> fibers that wait for the end of a call */
    private array $callers = [];

    public function __construct()
    {
        $this->scale = (float) (getenv('TIME_SCALE') ?: '1');
        if ($this->scale <= 0) {
            exit("TIME_SCALE must be a number above 0\n");
        }
        $this->calls = curl_multi_init();
    }

    /** Real seconds for so many seconds of the gateway's time. */
    public function real(float $seconds): float
    {
        return $seconds / $this->scale;
    }

    /** Runs something beside the rest; nothing of it may take the process along. */
    public function spawn(callable $work): void
    {
        $fiber = new Fiber(function () use ($work): void {
            try {
                $work();
            } catch (Throwable $error) {
                fwrite(STDERR, "$error\n");
            }
        });
        $fiber->start();
    }

    public function sleep(float $seconds): void
    {
        $this->sleepUntil(microtime(true) + $this->real($seconds));
    }

    /** Waits until a real time. True, unless somebody has woken the fiber before by resuming it with false. */
    public function sleepUntil(float $at): bool
    {
        $this->timers[$timer = $this->nextTimer++] = [$at, Fiber::getCurrent()];
        $passed = Fiber::suspend() !== false;
        unset($this->timers[$timer]);
        return $passed;
    }

    /** Waits for something to read, or for room to write, at most until a real time; whether it has come. */
    public function ready($stream, float $until, bool $toWrite = false): bool
    {
        $waiting = [$stream, Fiber::getCurrent()];
        $key = (int) $stream;
        $toWrite ? $this->writers[$key] = $waiting : $this->readers[$key] = $waiting;
        $late = $this->sleepUntil($until);
        unset($this->readers[$key], $this->writers[$key]);
        return !$late;
    }

    /** Makes a call with curl and waits for its end; whether it ended well. */
    public function call(CurlHandle $call): bool
    {
        curl_multi_add_handle($this->calls, $call);
        $this->callers[spl_object_id($call)] = Fiber::getCurrent();
        $result = Fiber::suspend();
        curl_multi_remove_handle($this->calls, $call);
        return $result === CURLE_OK;
    }

    public function run(): never
    {
        while (true) {
            $this->endCalls();
            $this->wakeByTime();
            $this->wakeByStream();
        }
    }

    private function endCalls(): void
    {
        if ($this->callers === []) {
            return;
        }
        curl_multi_exec($this->calls, $running);
        while ($ended = curl_multi_info_read($this->calls)) {
            $id = spl_object_id($ended['handle']);
            $fiber = $this->callers[$id];
            unset($this->callers[$id]);
            $fiber->resume($ended['result']);
        }
    }

    private function wakeByTime(): void
    {
        $now = microtime(true);
        $due = array_filter($this->timers, fn (array $timer): bool => $timer[0] <= $now);
        foreach ($due as $timer => [, $fiber]) {
            if (isset($this->timers[$timer])) {
                $fiber->resume();
            }
        }
    }

    private function wakeByStream(): void
    {
        $next = min([microtime(true) + 60, ...array_column($this->timers, 0)]) - microtime(true);
        $wait = max(0, (int) (1e6 * ($this->callers === [] ? $next : min($next, self::CALLS_EVERY))));
        $read = array_column($this->readers, 0);
        $write = array_column($this->writers, 0);
        $none = null;
        if ($read === [] && $write === []) {
            usleep($wait);
        } elseif (@stream_select($read, $write, $none, intdiv($wait, 1_000_000), $wait % 1_000_000)) {
            foreach ($read as $stream) {
                $this->wake($this->readers[(int) $stream] ?? null);
            }
            foreach ($write as $stream) {
                $this->wake($this->writers[(int) $stream] ?? null);
            }
        }
    }

    private function wake(?array $waiting): void
    {
        $waiting === null ?: $waiting[1]->resume(false);
    }
}

/** Something that others wait for: whoever rings wakes all of them. */
final class Bell
{
    private bool $rung = false;
    /** @var array<int, Fiber> */
    private array $waiting = [];

    public function __construct(private readonly Loop $loop)
    {
    }

    public function ring(): void
    {
        $this->rung = true;
        [$waiting, $this->waiting] = [$this->waiting, []];
        foreach ($waiting as $fiber) {
            $fiber->resume(false);
        }
    }

    /** Waits so long at most; true when somebody has rung since the last `reset`. */
    public function wait(float $seconds): bool
    {
        if (!$this->rung) {
            $fiber = Fiber::getCurrent();
            $this->waiting[spl_object_id($fiber)] = $fiber;
            $this->loop->sleepUntil(microtime(true) + $this->loop->real($seconds));
            unset($this->waiting[spl_object_id($fiber)]);
        }
        return $this->rung;
    }

    public function reset(): void
    {
        $this->rung = false;
    }
}

/** One at a time: whoever comes while another is inside waits for its turn. */
final class Turn
{
    private bool $taken = false;
    /** @var list<Fiber> */
    private array $queue = [];

    public function take(callable $work): mixed
    {
        if ($this->taken) {
            $this->queue[] = Fiber::getCurrent();
            Fiber::suspend();
        }
        $this->taken = true;
        try {
            return $work();
        } finally {
            $next = array_shift($this->queue);
            $this->taken = $next !== null;
            $next?->resume();
        }
    }
}
