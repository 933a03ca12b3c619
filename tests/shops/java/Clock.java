import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * What is to be done later. All durations of this shop are in seconds of the gateway's time; against a simulator whose
 * time runs faster, TIME_SCALE says how many of them pass in one real second.
 */
final class Clock {
    private final double scale;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
    private final ExecutorService workers;

    Clock(double scale, ExecutorService workers) {
        if (!(scale > 0)) {
            throw new IllegalArgumentException("TIME_SCALE must be a number above 0");
        }
        this.scale = scale;
        this.workers = workers;
    }

    /** Real milliseconds of so many seconds. */
    double ms(int seconds) {
        return 1000.0 * seconds / scale;
    }

    /** The pause before the next try: doubled with each, up to five minutes. */
    static int growing(int first, int tried) {
        return Math.min(first << Math.min(tried, 10), 300);
    }

    /** Runs something in so many seconds; nothing of it may end the rest. */
    void after(int seconds, Runnable work) {
        timer.schedule(() -> workers.execute(() -> {
            try {
                work.run();
            } catch (RuntimeException e) {
                e.printStackTrace();
            }
        }), (long) ms(seconds), TimeUnit.MILLISECONDS);
    }

    /** Waits so many real milliseconds. */
    void sleepMs(long ms) {
        try {
            Thread.sleep(Math.max(0, ms));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
