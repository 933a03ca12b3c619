<?php

declare(strict_types=1);

namespace PayonSim;

use Error;
use Exception;
use PHPUnit\Framework\Attributes\After;
use PHPUnit\Framework\Attributes\Before;
use ReflectionProperty;
use Throwable;

/** For a PHPUnit\Framework\TestCase: $this->payon is a space of its own for each test. */
trait UsesPayon
{
    protected Space $payon;
    private string $payonReport = '';

    /** @before */
    #[Before]
    protected function openSpace(): void
    {
        $this->payon = Server::shared()->space();
    }

    /** @after */
    #[After]
    protected function closeSpace(): void
    {
        $this->payonReport = $this->payon->report();
        Server::shared()->remove($this->payon);
    }

    /** Adds what the simulator knows to the message of a failed test. */
    protected function onNotSuccessfulTest(Throwable $t): never
    {
        $message = new ReflectionProperty($t instanceof Exception ? Exception::class : Error::class, 'message');
        $message->setAccessible(true);
        $message->setValue($t, "{$t->getMessage()}\n\n$this->payonReport");
        throw $t;
    }

    /** Judges expectations as under `expect` of a scenario file. */
    protected function assertPayon(array ...$expect): void
    {
        $this->assertSame([], $this->payon->unmet(...$expect), 'not as expected');
    }
}
