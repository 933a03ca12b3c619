<?php

declare(strict_types=1);

/** Money to be moved: kind is refund, reversal or capture. Amounts are in whole minor units. */
final class Job
{
    public function __construct(
        public string $kind,
        public int $amount,
        /** All that is left. */
        public bool $whole = false,
        /** open, done or refused */
        public string $state = 'open',
        /** A call was made, whatever became of it. */
        public bool $sent = false,
    ) {
    }
}

final class Order
{
    public string $state = 'NEW';
    public ?string $checkoutUrl = null;
    /** The day of its registration, yyyyMMdd by PAYON's calendar. */
    public ?string $day = null;
    /** When it can be paid no more, by our own clock. */
    public float $until = 0;
    public int $shipped = 0;
    /** The sum, once a hold is captured. */
    public ?int $captured = null;
    public int $refunded = 0;
    /** What was heard of it, and as much of that as PAYON has been asked about. */
    public int $news = 0;
    public int $asked = 0;
    public bool $badNews = false;
    public ?string $note = null;
    /** @var list<Job> */
    public array $jobs = [];

    public function __construct(
        public string $id,
        public string $txId,
        public string $trt,
        public int $amount,
        public string $currency,
        public string $method,
        public ?string $clientId,
        public bool $savedCard,
    ) {
    }

    /** An order as it was written. */
    public static function read(array $members): self
    {
        $jobs = array_map(fn (array $job): Job => new Job(...$job), $members['jobs']);
        $first = ['id', 'txId', 'trt', 'amount', 'currency', 'method', 'clientId', 'savedCard'];
        $order = new self(...array_intersect_key($members, array_flip($first)));
        foreach (array_diff_key($members, array_flip([...$first, 'jobs'])) as $name => $value) {
            $order->$name = $value;
        }
        $order->jobs = $jobs;
        return $order;
    }

    public function isPending(): bool
    {
        return $this->state === 'NEW' || $this->state === 'WAITING';
    }

    public function isOver(): bool
    {
        return $this->state !== 'NEW' && microtime(true) >= $this->until;
    }

    public function hasNews(): bool
    {
        return $this->news > $this->asked;
    }

    public function isOpen(): bool
    {
        return $this->isPending() || $this->hasNews();
    }

    /** The sum that was taken from the payer: captured, or else ordered. */
    public function taken(): int
    {
        return $this->captured ?? $this->amount;
    }

    /** The sum that can still be given back. */
    public function left(): int
    {
        $isUnderWay = fn (Job $job): bool => $job->state === 'open' && $job->kind !== 'capture';
        $underWay = array_column(array_filter($this->jobs, $isUnderWay), 'amount');
        return $this->taken() - $this->refunded - array_sum($underWay);
    }

    /** Notes that there is news, of which PAYON is to be asked. */
    public function hear(bool $isBad): void
    {
        // Good news does not hide bad news that nobody has followed up yet.
        $this->badNews = $isBad || $this->hasNews() && $this->badNews;
        $this->news += 1;
    }

    public function ship(): void
    {
        $this->shipped = 1; // however often it is called
    }

    public function dispute(string $why): void
    {
        $this->state = 'DISPUTED';
        $this->note = $why;
    }
}

/**
 * The shop's books: every order and saved card, in a file that outlives the process. Each change is one line of JSON,
 * written before anything is done about it. The last line of an order counts. (A process that is killed loses nothing;
 * against a power cut a shop uses a database.)
 */
final class Books
{
    /** @var array<string, Order> */
    private array $orders = [];
    /** @var array<string, string> */
    private array $byTxId = [];
    /** @var array<string, string> */
    private array $bindings = [];
    /** @var resource */
    private $file;

    public function __construct(string $path)
    {
        foreach (is_file($path) ? file($path) : [] as $line) {
            if (str_ends_with($line, "\n")) { // else it was never finished
                $this->take(json_decode($line, true, flags: JSON_THROW_ON_ERROR));
            }
        }
        // Written anew, so that the file does not grow for ever and ends with a whole line.
        $this->file = fopen("$path.new", 'w');
        foreach ($this->orders as $order) {
            $this->write(['order' => $order]);
        }
        foreach ($this->bindings as $clientId => $bindingId) {
            $this->write(['clientId' => (string) $clientId, 'bindingId' => $bindingId]);
        }
        rename("$path.new", $path);
    }

    private function take(array $line): void
    {
        if (isset($line['order'])) {
            $this->put(Order::read($line['order']));
        } elseif ($line['bindingId'] === null) {
            unset($this->bindings[$line['clientId']]);
        } else {
            $this->bindings[$line['clientId']] = $line['bindingId'];
        }
    }

    private function put(Order $order): void
    {
        $this->orders[$order->id] = $order;
        $this->byTxId[$order->txId] = $order->id;
    }

    private function write(array $line): void
    {
        fwrite($this->file, json_encode($line, JSON_THROW_ON_ERROR) . "\n");
        fflush($this->file);
    }

    public function add(Order $order): void
    {
        $this->write(['order' => $order]);
        $this->put($order);
    }

    /** The order of that number. Only `change` may change it. */
    public function get(string $id): ?Order
    {
        return $this->orders[$id] ?? null;
    }

    /** The number of the order that has, or had, this txId. */
    public function find(string $txId): ?string
    {
        return $this->byTxId[$txId] ?? null;
    }

    /** @return list<Order> */
    public function all(): array
    {
        return array_values($this->orders);
    }

    /** Changes an order and stores it; what `$change` returns is handed on. */
    public function change(string $id, callable $change): mixed
    {
        $order = $this->orders[$id];
        $result = $change($order);
        $this->write(['order' => $order]);
        $this->byTxId[$order->txId] = $id;
        return $result;
    }

    public function binding(?string $clientId): ?string
    {
        return $this->bindings[$clientId ?? ''] ?? null;
    }

    /** Remembers a client's saved card by its id, or forgets it. */
    public function saveBinding(string $clientId, ?string $bindingId = null): void
    {
        $line = ['clientId' => $clientId, 'bindingId' => $bindingId];
        $this->write($line);
        $this->take($line);
    }
}
