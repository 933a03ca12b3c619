<?php

declare(strict_types=1);

/** The shop will not do what it is asked for; the code is the HTTP status. */
final class Refusal extends RuntimeException
{
    public function __construct(int $status, string $message)
    {
        parent::__construct($message, $status);
    }
}

/**
 * What the shop does about its orders.
 *
 * The states of an order: NEW (stored, not yet known to be registered), WAITING (for the payer), HELD (the money is
 * reserved for a capture), PAID, FAILED, EXPIRED, REFUNDED (all of it is given back), DISPUTED (a human must look).
 *
 * Whatever is heard of an order, by push-back, by the payer's return or by a timer, is a hint to ask PAYON; only the
 * answer to the status call changes its state. Money moves by jobs that are stored before the call is made, so that a
 * restart goes on where the process died.
 */
final class Shop
{
    /** How long PAYON lets a payer pay, and how much longer the shop asks. */
    private const PAYABLE_S = 15 * 60;
    private const GRACE_S = 60;
    private const FIRST_POLL_S = 10;
    private const FIRST_RETRY_S = 2;
    private const PAUSE_MAX_S = 300;
    private const REGISTER_TRIES = 9;
    private const JOB_TRIES = 24;
    /** How long PAYON's books may lag behind its answers. */
    private const LAG_S = 60;
    private const DAY_S = 24 * 3600;

    private const METHODS = ['PAYON', 'CREDIT_DEBIT', 'PPCBANK_TRANSFER', 'BAKONG_KHQR'];

    // Result codes of refusals that tell where an order or its money is.
    private const DUPLICATE = '3001';
    private const BINDING_GONE = '6001';
    private const REVERSED = '3102';
    private const REFUNDED = '3103';
    private const CAPTURED = '3104';
    private const NOT_CAPTURED = '3106';
    private const SETTLED = '3107';
    private const NOT_SETTLED = '3108';

    /** What txStCd of the list of orders means for an order that is not paid. */
    private const LISTED_AS = ['20' => 'FAILED', '21' => 'FAILED', '22' => 'EXPIRED'];
    /** The states of the books with which it agrees; any other one agrees with those that are not paid. */
    private const AGREES = [
        '01' => ['NEW', 'WAITING'],
        '05' => ['HELD'],
        '09' => ['PAID'],
        '10' => ['PAID'],
        '11' => ['REFUNDED'],
        '12' => ['REFUNDED'],
    ];
    private const UNPAID = ['NEW', 'WAITING', 'FAILED', 'EXPIRED'];

    /** @var array<string, Bell> rung when there is news of an order that is watched */
    private array $bells = [];
    /** @var array<string, Turn> one at a time for each order, so that no answer overtakes another */
    private array $turns = [];

    public function __construct(
        private readonly Loop $loop,
        private readonly Books $books,
        private readonly Payon $payon,
        private readonly string $url,
    ) {
    }

    /** Goes on where the last process stopped, and compares the books every day. */
    public function open(): void
    {
        foreach ($this->books->all() as $order) {
            if ($order->state === 'NEW') {
                $this->loop->spawn(fn () => $this->register($order->id));
            } elseif ($order->isOpen()) {
                $this->watch($order->id);
            }
            foreach ($order->jobs as $at => $job) {
                if ($job->state === 'open') {
                    $this->loop->spawn(fn () => $this->work($order->id, $at));
                }
            }
        }
        $this->loop->spawn(function (): void {
            while (true) {
                $this->loop->sleep(self::DAY_S);
                $this->loop->spawn($this->reconcile(...));
            }
        });
    }

    public function get(string $id): Order
    {
        return $this->books->get($id) ?? throw new Refusal(404, "there is no order $id");
    }

    /** @return list<Order> */
    public function all(): array
    {
        return $this->books->all();
    }

    // --- Orders ---

    /** Stores an order. The second result rings when it is registered with PAYON, or given up. */
    public function order(array $wish): array
    {
        $wish += ['currency' => 'USD', 'method' => 'CREDIT_DEBIT', 'trt' => '10', 'reference' => ''];
        $amount = $this->exact($wish['amount'] ?? null, $wish['currency']);
        if (!in_array($wish['method'], self::METHODS, true)) {
            throw new Refusal(422, 'method must be one of ' . implode(', ', self::METHODS));
        }
        if (!in_array($wish['trt'], ['10', '12'], true)) {
            throw new Refusal(422, 'trt must be 10 (purchase) or 12 (pre-authorisation)');
        }
        if (!is_string($wish['reference']) || !preg_match('/^[\w-]{0,12}$/D', $wish['reference'])) {
            throw new Refusal(422, 'reference may have 12 letters, digits, _ and -');
        }
        $id = 'h' . dechex((int) (microtime(true) * 1000)) . bin2hex(random_bytes(5));
        $txId = $id . $wish['reference']; // never used before, and nobody can guess it
        $clientId = is_string($wish['clientId'] ?? null) ? $wish['clientId'] : null;
        $order = new Order(
            $id,
            $txId,
            $wish['trt'],
            $amount,
            $wish['currency'],
            $wish['method'],
            $clientId,
            (bool) ($wish['savedCard'] ?? false),
        );
        $this->books->add($order);
        return [$id, $this->begin(fn () => $this->register($id))];
    }

    /** Registers a stored order: under its own txId, however often it takes. */
    private function register(string $id): void
    {
        $isKnown = true;
        $order = $this->get($id);
        for ($tried = 0; $tried < self::REGISTER_TRIES; $tried += 1) {
            if ($tried > 0) {
                $this->pause(self::FIRST_RETRY_S, $tried - 1);
            }
            if ($order->state !== 'NEW') {
                break; // it has been paid meanwhile
            }
            $binding = $order->savedCard ? $this->books->binding($order->clientId) : null;
            $answer = $this->payon->register($order, $this->urls($id), $binding);
            if ($answer->kind === 'yes') {
                $this->registered($id, $answer->body['resultData'] ?? []);
                return;
            }
            $isKnown = $isKnown && $answer->kind !== 'lost';
            if ($answer->code === self::BINDING_GONE && $order->savedCard) {
                $this->forgetCard($order);
            } elseif ($answer->code === self::DUPLICATE) {
                if ($this->isOurs($order)) {
                    $this->registered($id, []);
                    return;
                }
                if ($tried > 0) { // another's, then
                    $this->books->change($id, fn (Order $it) => $it->txId = $id . '-' . ($tried + 1));
                }
            } elseif ($answer->kind === 'no') {
                $this->fail($id, "PAYON refused it with $answer->code");
                return;
            }
        }
        if ($isKnown) {
            $this->fail($id, 'PAYON could not take it');
        } else {
            $this->registered($id, []); // perhaps it was: PAYON is asked until it can be paid no more
        }
    }

    private function registered(string $id, array $data): void
    {
        $this->books->change($id, function (Order $order) use ($data): void {
            if ($order->state === 'NEW') {
                $order->state = 'WAITING';
            }
            $order->checkoutUrl = $data['checkoutUrl'] ?? null;
            $order->day = $data['txDt'] ?? null;
            $order->until = microtime(true) + $this->loop->real(self::PAYABLE_S + self::GRACE_S);
        });
        $this->watch($id);
    }

    private function fail(string $id, string $why): void
    {
        $this->books->change($id, function (Order $order) use ($why): void {
            if ($order->state === 'NEW') {
                [$order->state, $order->note] = ['FAILED', $why];
            }
        });
    }

    private function urls(string $id): array
    {
        return [
            'noti_url' => "$this->url/noti",
            'success_url' => "$this->url/return/success/$id",
            'fail_url' => "$this->url/return/fail/$id",
            'cancel_url' => "$this->url/return/cancel/$id",
        ];
    }

    /** A txId that is taken: is it taken by this order, of which the answer was lost? Our numbers are ours alone. */
    private function isOurs(Order $order): bool
    {
        return $this->payon->status($order)->kind === 'told' || $this->listed($order) !== null;
    }

    // --- News ---

    public function find(string $txId): ?string
    {
        return $this->books->find($txId);
    }

    /** Notes a push-back about an order, or the payer's return, and asks what is behind it. */
    public function heard(string $id, bool $isBad): void
    {
        $this->books->change($id, fn (Order $order) => $order->hear($isBad));
        $this->watch($id);
    }

    /** Sees to it that PAYON is asked about an order until it is settled, and at once when there is news. */
    private function watch(string $id): void
    {
        $isWatched = isset($this->bells[$id]);
        $bell = $this->bells[$id] ??= new Bell($this->loop);
        if ($this->get($id)->hasNews()) {
            $bell->ring();
        }
        if (!$isWatched) {
            $this->loop->spawn(fn () => $this->askUntilSettled($this->get($id), $bell));
        }
    }

    /** Asks with growing pauses, which news begin anew. */
    private function askUntilSettled(Order $order, Bell $bell): void
    {
        for ($asked = 0; $order->isOpen(); $asked += 1) {
            if ($bell->wait($this->growing(self::FIRST_POLL_S, $asked))) {
                $asked = 0;
            }
            $bell->reset();
            $this->check($order->id);
        }
        unset($this->bells[$order->id]);
    }

    /** Asks PAYON about an order and books what it says, which is the result. */
    public function check(string $id): Status
    {
        return $this->inTurn($id, function () use ($id): Status {
            $order = $this->get($id);
            $news = $order->news;
            $isBad = $order->hasNews() && $order->badNews;
            $status = $this->payon->status($order);
            $listed = null;
            if ($status->kind === 'open' && $order->isPending() && ($isBad || $order->isOver())) {
                // Not paid, not yet or never? The list tells, which is asked where there is reason to believe the worst.
                $listed = self::LISTED_AS[$this->listed($order)['txStCd'] ?? ''] ?? null;
            }
            $this->books->change($id, function (Order $order) use ($status, $listed, $news): void {
                match ($status->kind) {
                    'open' => $this->bookOpen($order, $listed),
                    'told' => $this->bookTold($order, $status),
                    'unknown' => null,
                };
                if ($status->kind !== 'unknown') {
                    $order->asked = $news;
                }
            });
            return $status;
        });
    }

    /** PAYON has no success to tell of. */
    private function bookOpen(Order $order, ?string $listed): void
    {
        if ($order->isPending()) {
            $order->state = $listed ?? ($order->isOver() ? 'EXPIRED' : $order->state);
        } elseif ($order->state === 'HELD') {
            $order->state = 'EXPIRED'; // the bank has let the hold go
        } elseif ($order->state === 'PAID') {
            $order->dispute('PAYON knows nothing of the payment any more');
        }
    }

    /** PAYON tells a success. */
    private function bookTold(Order $order, Status $status): void
    {
        foreach ($order->jobs as $job) {
            if ($job->state === 'open' && $job->sent) {
                return; // what this means is the job's business
            }
        }
        $isSettled = in_array($order->state, ['PAID', 'HELD', 'REFUNDED'], true);
        // Of a capture in part PAYON does not say which of the two sums is told.
        $amount = Money::minor($status->amount, $status->currency);
        if ($status->currency !== $order->currency || !in_array($amount, [$order->amount, $order->taken()], true)) {
            if (!$isSettled) {
                $order->dispute('PAYON tells ' . json_encode($status->amount) . " $status->currency");
            }
        } elseif ($status->state === 'COMPLETE') {
            if ($order->trt === '10' && !$isSettled) {
                [$order->state, $order->note] = ['PAID', null];
                $order->ship();
            } elseif ($order->trt === '12' && $order->captured === null) {
                $order->dispute('captured by somebody else');
            }
        } elseif ($status->state === 'AUTHORIZED') {
            if ($order->trt === '12' && !$isSettled) {
                $order->state = 'HELD';
            }
        } elseif ($status->state === 'REFUNDED' || $status->state === 'REVERSED') {
            if ($order->state !== 'REFUNDED') {
                $order->refunded = $order->taken();
                [$order->state, $order->note] = ['REFUNDED', 'given back, but not by the shop'];
            }
        } elseif ($status->state === 'PARTIALLY_REFUNDED' && $order->refunded === 0) {
            $order->dispute('given back in part, but not by the shop');
        }
    }

    // --- Money that moves after the payment ---

    /** Gives money back: by `$kind` (refund or reversal), or by the other where the day calls for it. */
    public function giveBack(string $id, string $kind, mixed $amount = null): ?Bell
    {
        $order = $this->get($id);
        if ($order->state === 'REFUNDED' && $amount === null) {
            return null; // it is done
        }
        if ($order->state !== 'PAID' && $order->state !== 'HELD') {
            throw new Refusal(409, "there is nothing to give back: the order is $order->state");
        }
        $left = $order->left();
        $asked = $amount === null ? $left : $this->exact($amount, $order->currency);
        if ($asked > $left || $asked <= 0) {
            throw new Refusal(409, 'only ' . Money::text($left, $order->currency) . ' is left');
        }
        $isAll = $asked === $order->taken();
        if ($order->state === 'HELD' && !$isAll) {
            throw new Refusal(409, 'a hold can only be let go as a whole');
        }
        $way = match (true) {
            $order->state === 'HELD' => 'reversal',
            !$isAll => 'refund',
            default => $kind,
        };
        return $this->beginJob($id, new Job($way, $asked, $isAll || $amount === null));
    }

    /** Captures what is held, all of it when no amount is given, and ships. */
    public function capture(string $id, mixed $amount = null): ?Bell
    {
        $order = $this->get($id);
        foreach ($order->jobs as $job) {
            if ($job->kind === 'capture' && $job->state !== 'refused') {
                return null; // once is enough
            }
        }
        if ($order->state !== 'HELD') {
            throw new Refusal(409, "there is nothing to capture: the order is $order->state");
        }
        $asked = $amount === null ? $order->amount : $this->exact($amount, $order->currency);
        if ($asked > $order->amount) {
            $held = Money::text($order->amount, $order->currency);
            throw new Refusal(409, "only $held is held; the rest needs a payment of its own");
        }
        return $this->beginJob($id, new Job('capture', $asked));
    }

    private function beginJob(string $id, Job $job): Bell
    {
        $at = $this->books->change($id, function (Order $order) use ($job): int {
            $order->jobs[] = $job;
            return count($order->jobs) - 1;
        });
        return $this->begin(fn () => $this->work($id, $at));
    }

    /** Works at a job until it is done or refused. */
    private function work(string $id, int $at): void
    {
        $job = $this->get($id)->jobs[$at];
        for ($tried = 0; $job->state === 'open' && $tried < self::JOB_TRIES; $tried += 1) {
            if ($tried > 0) {
                $this->pause(self::FIRST_RETRY_S, $tried - 1);
            }
            $this->inTurn($id, fn () => $this->tryJob($id, $at));
        }
        if ($job->state === 'open') {
            $this->books->change($id, function (Order $order) use ($job): void {
                $job->state = 'refused';
                $order->dispute("nobody knows what became of the $job->kind");
            });
        }
    }

    private function tryJob(string $id, int $at): void
    {
        $order = $this->get($id);
        $job = $order->jobs[$at];
        if ($job->sent) {
            // The last call may have moved the money: PAYON is asked before it is moved again.
            $became = $this->became($order, $job);
            if ($became !== 'not') {
                match ($became) {
                    'done' => $this->done($id, $job),
                    'gone' => $this->refused($id, $job, 'the payment is not there any more'),
                    'unknown' => null,
                };
                return;
            }
        }
        $this->books->change($id, fn () => $job->sent = true);
        $answer = $this->payon->move($order, $job);
        match ($answer->kind) {
            'yes' => $this->done($id, $job),
            'no' => $this->answered($id, $at, $answer->code),
            'later', 'lost' => null,
        };
    }

    /** A refusal, which may say that it is done already, or that it is to be done in the other way. */
    private function answered(string $id, int $at, string $code): void
    {
        $job = $this->get($id)->jobs[$at];
        if ($job->kind === 'capture' && $code === self::CAPTURED) {
            return; // by an earlier try? It is asked before the next.
        }
        if ($job->kind !== 'capture' && $job->whole) {
            if ($code === self::REVERSED || $code === self::REFUNDED) {
                $this->done($id, $job);
                return;
            }
            $other = match (true) {
                $job->kind === 'reversal' && $code === self::SETTLED => 'refund',
                $job->kind === 'refund' && in_array($code, [self::NOT_SETTLED, self::NOT_CAPTURED], true) => 'reversal',
                default => null,
            };
            if ($other !== null) {
                $this->books->change($id, fn () => [$job->kind, $job->sent] = [$other, false]);
                $this->tryJob($id, $at);
                return;
            }
        }
        $this->refused($id, $job, "PAYON refused it with $code");
    }

    private function refused(string $id, Job $job, string $why): void
    {
        $this->books->change($id, function (Order $order) use ($job, $why): void {
            $job->state = 'refused';
            $order->note = "$job->kind: $why";
            $order->hear(isBad: true); // the books were wrong, then
        });
        $this->loop->spawn(fn () => $this->watch($id));
    }

    private function done(string $id, Job $job): void
    {
        $this->books->change($id, function (Order $order) use ($job): void {
            $job->state = 'done';
            if ($job->kind === 'capture') {
                [$order->captured, $order->state] = [$job->amount, 'PAID'];
                $order->ship();
                return;
            }
            $order->refunded += $job->amount;
            if ($order->refunded >= $order->taken()) {
                $order->state = 'REFUNDED';
            }
        });
    }

    /** What has become of a job whose call may have got through: done, not, gone or unknown. */
    private function became(Order $order, Job $job): string
    {
        $isCapture = $job->kind === 'capture';
        $status = $this->payon->status($order);
        if ($status->kind === 'open') {
            $code = $this->listed($order)['txStCd'] ?? '';
            if (!$isCapture && ($code === '11' || $code === '12')) {
                return 'done';
            }
            return isset(self::LISTED_AS[$code]) ? 'gone' : 'unknown';
        }
        $after = $order->refunded + $job->amount;
        return match ($status->state) {
            'AUTHORIZED' => 'not',
            'COMPLETE' => $isCapture ? 'done' : 'not',
            'REFUNDED', 'REVERSED' => !$isCapture && $after === $order->taken() ? 'done' : 'gone',
            'PARTIALLY_REFUNDED' => $order->refunded === 0 ? 'done' : $this->becameRefunded($order, $after),
            default => 'unknown',
        };
    }

    /** Of several refunds in part the status does not tell the sum, but the reconciliation call confirms it or not. */
    private function becameRefunded(Order $order, int $total): string
    {
        $codes = $this->payon->reconcile([$this->claim($order, $total, 'REFUND')]);
        return ['0000' => 'done', '3003' => 'not'][$codes[0] ?? ''] ?? 'unknown';
    }

    // --- Comparing the books ---

    /** Compares the books with PAYON's, by the list of orders and by the reconciliation call. */
    public function reconcile(): void
    {
        $this->compareByList();
        $this->compareByCall();
    }

    public function compareByList(): void
    {
        $orders = $this->books->all();
        foreach ($orders === [] ? [] : $this->payon->orders(...$this->days($orders)) ?? [] as $row) {
            $id = is_string($row['tracNo'] ?? null) ? $this->find($row['tracNo']) : null;
            $agreeing = self::AGREES[$row['txStCd'] ?? ''] ?? self::UNPAID;
            if ($id !== null && !in_array($this->get($id)->state, $agreeing, true)) {
                $this->lookInto($id);
            }
        }
    }

    private function compareByCall(): void
    {
        $orders = array_values(array_filter($this->books->all(), fn (Order $it) => $this->claimedAs($it) !== null));
        $claim = fn (Order $order): array => $this->claim($order, $order->taken(), $this->claimedAs($order));
        foreach ($this->payon->reconcile(array_map($claim, $orders)) ?? [] as $at => $code) {
            if ($code !== '0000') {
                $this->lookInto($orders[$at]->id);
            }
        }
    }

    /** Asks about an order that PAYON's books tell otherwise, and does again what was answered but never booked. */
    private function lookInto(string $id): void
    {
        if ($this->undone($id)[0] === []) {
            return;
        }
        $this->loop->sleep(self::LAG_S); // it may be booked a moment after it was answered
        [$undone, $state] = $this->undone($id);
        if ($undone === [] || in_array('open', array_column($this->get($id)->jobs, 'state'), true)) {
            return;
        }
        $this->books->change($id, function (Order $order) use ($undone, $state): void {
            foreach ($undone as $job) {
                $job->state = 'open';
                $job->kind === 'capture' ? $order->captured = null : $order->refunded = 0;
            }
            $order->state = $state === 'AUTHORIZED' ? 'HELD' : 'PAID';
        });
        foreach (array_keys($undone) as $at) {
            $this->work($id, $at);
        }
    }

    /** The jobs of which PAYON knows nothing although it has answered them, and the state that it tells. */
    private function undone(string $id): array
    {
        $state = $this->check($id)->state;
        $missing = fn (Job $job): array => $job->kind === 'capture' ? ['AUTHORIZED'] : ['AUTHORIZED', 'COMPLETE'];
        $isUndone = fn (Job $job): bool => $job->state === 'done' && in_array($state, $missing($job), true);
        return [array_filter($this->get($id)->jobs, $isUndone), $state];
    }

    /** The row of an order in PAYON's list; null when it is not there, or there is no answer. */
    private function listed(Order $order): ?array
    {
        foreach ($this->payon->orders(...$this->days([$order])) ?? [] as $row) {
            if (($row['tracNo'] ?? null) === $order->txId) {
                return $row;
            }
        }
        return null;
    }

    // --- Saved cards ---

    /** Saves a client's card with PAYON; the shop keeps the id only, never the number. */
    public function bind(string $clientId, array $card): void
    {
        $bindingId = $this->payon->bind($clientId, $card)->body['bindingId'] ?? null;
        if (!is_string($bindingId)) {
            throw new Refusal(502, 'the card could not be saved; please try again');
        }
        $this->books->saveBinding($clientId, $bindingId);
    }

    /** A saved card is gone: the next try goes without it, and the payer is asked for a card. */
    private function forgetCard(Order $order): void
    {
        $listed = $this->payon->bindings($order->clientId);
        if ($listed !== null && !in_array($this->books->binding($order->clientId), $listed, true)) {
            $this->books->saveBinding($order->clientId);
        }
        $this->books->change($order->id, fn () => $order->savedCard = false);
    }

    // --- Helpers ---

    /** Begins something that rings when it is done. */
    private function begin(callable $work): Bell
    {
        $bell = new Bell($this->loop);
        $this->loop->spawn(function () use ($work, $bell): void {
            try {
                $work();
            } finally {
                $bell->ring();
            }
        });
        return $bell;
    }

    private function inTurn(string $id, callable $work): mixed
    {
        return ($this->turns[$id] ??= new Turn())->take($work);
    }

    /** The pause before the next try: doubled with each, up to five minutes. */
    private function growing(int $first, int $tried): int
    {
        return min($first * 2 ** min($tried, 10), self::PAUSE_MAX_S);
    }

    private function pause(int $first, int $tried): void
    {
        $this->loop->sleep($this->growing($first, $tried));
    }

    private function exact(mixed $amount, mixed $currency): int
    {
        $minor = Money::minor($amount, $currency);
        if ($minor === null || $minor <= 0) {
            throw new Refusal(422, json_encode($amount) . ' is no amount in ' . json_encode($currency));
        }
        return $minor;
    }

    /**
     * The first and the last day (yyyyMMdd) on which orders may have been registered. PAYON's calendar is Cambodia's, and
     * where it has told no day our own may differ by one.
     */
    private function days(array $orders): array
    {
        $now = new DateTimeImmutable('now', new DateTimeZone('Asia/Phnom_Penh'));
        $days = [$now->modify('-1 day')->format('Ymd'), $now->modify('+1 day')->format('Ymd')];
        array_push($days, ...array_filter(array_column($orders, 'day')));
        return [min($days), max($days)];
    }

    private function claim(Order $order, int $total, string $type): array
    {
        // A JSON number; of so few digits a floating-point one is exact.
        $total = json_decode(Money::text($total, $order->currency));
        return ['txId' => $order->txId, 'grandToTAmt' => $total, 'transactionType' => $type];
    }

    /** What the books claim of an order's money, in the words of the reconciliation call. */
    private function claimedAs(Order $order): ?string
    {
        $isHold = $order->trt === '12';
        $isReversed = fn (Job $job): bool => $job->kind === 'reversal' && $job->state === 'done';
        return match ($order->state) {
            'HELD' => 'PRE_AUTH',
            'PAID' => $isHold ? 'PRE_AUTH_COMPLETE' : 'PURCHASE',
            'REFUNDED' => match (true) {
                array_filter($order->jobs, $isReversed) === [] => 'REFUND',
                !$isHold => 'PURCHASE_REVERSAL',
                default => $order->captured === null ? 'PRE_AUTH_REVERSAL' : 'PRE_AUTH_COMPLETE_REVERSAL',
            },
            default => null,
        };
    }
}
