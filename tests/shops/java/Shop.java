import java.math.BigDecimal;
import java.security.SecureRandom;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What the shop does about its orders.
 *
 * <p>The states of an order: NEW (stored, not yet known to be registered), WAITING (for the payer), HELD (the money is
 * reserved for a capture), PAID, FAILED, EXPIRED, REFUNDED (all of it is given back), DISPUTED (a human must look).
 *
 * <p>Whatever is heard of an order, by push-back, by the payer's return or by a timer, is a hint to ask PAYON; only the
 * answer to the status call changes its state. Money moves by jobs that are stored before the call is made, so that a
 * restart goes on where the process died.
 */
final class Shop {
    /** How long PAYON lets a payer pay, and how much longer the shop asks. */
    private static final int PAYABLE_S = 15 * 60;
    private static final int GRACE_S = 60;
    private static final int FIRST_POLL_S = 10;
    private static final int FIRST_RETRY_S = 2;
    private static final int REGISTER_TRIES = 9;
    private static final int JOB_TRIES = 24;
    /** How long PAYON's books may lag behind its answers. */
    private static final int LAG_S = 60;
    private static final int DAY_S = 24 * 3600;

    private static final Map<String, Integer> DECIMALS = Map.of("USD", 2, "KHR", 0);
    private static final Set<String> METHODS = Set.of("PAYON", "CREDIT_DEBIT", "PPCBANK_TRANSFER", "BAKONG_KHQR");

    // Result codes of refusals that tell where an order or its money is.
    private static final String DUPLICATE = "3001";
    private static final String BINDING_GONE = "6001";
    private static final String REVERSED = "3102";
    private static final String REFUNDED = "3103";
    private static final String CAPTURED = "3104";
    private static final String NOT_CAPTURED = "3106";
    private static final String SETTLED = "3107";
    private static final String NOT_SETTLED = "3108";

    /** What txStCd of the list of orders means for an order that is not paid. */
    private static final Map<String, String> LISTED_AS = Map.of("20", "FAILED", "21", "FAILED", "22", "EXPIRED");
    /** The states of the books with which it agrees; any other one agrees with those that are not paid. */
    private static final Map<String, List<String>> AGREES = Map.of(
        "01", List.of("NEW", "WAITING"),
        "05", List.of("HELD"),
        "09", List.of("PAID"),
        "10", List.of("PAID"),
        "11", List.of("REFUNDED"),
        "12", List.of("REFUNDED"));
    private static final List<String> UNPAID = List.of("NEW", "WAITING", "FAILED", "EXPIRED");

    /** The shop will not do what it is asked for. */
    static final class Refusal extends RuntimeException {
        private static final long serialVersionUID = 1;

        final int status;

        Refusal(int status, String message) {
            super(message);
            this.status = status;
        }
    }

    /** Something that was begun about an order, and is done when the future is. */
    record Begun(String id, CompletableFuture<Void> work) {
    }

    private final Books books;
    private final Payon payon;
    private final Clock clock;
    private final String url;
    private final SecureRandom random = new SecureRandom();
    /** What the last process left. Orders that come while this one begins are not among it. */
    private final List<Order> left;
    /** The latest appointment to ask about an order. */
    private final Map<String, Object> appointments = new ConcurrentHashMap<>();
    /** One at a time for each order, so that no answer overtakes another. */
    private final Map<String, ReentrantLock> turns = new ConcurrentHashMap<>();

    Shop(Books books, Payon payon, Clock clock, String url) {
        this.books = books;
        this.payon = payon;
        this.clock = clock;
        this.url = url;
        this.left = List.copyOf(books.all());
    }

    /** Goes on where the last process stopped, and compares the books every day. */
    void open() {
        for (Order order : left) {
            if (order.is("NEW")) {
                clock.after(0, () -> register(order.id, new CompletableFuture<>(), 0, true));
            } else if (order.isOpen()) {
                watch(order.id);
            }
            for (Order.Job job : List.copyOf(order.jobs)) {
                if (job.isOpen()) {
                    clock.after(0, () -> work(order.id, job, new CompletableFuture<>(), 0));
                }
            }
        }
        clock.after(DAY_S, this::daily);
    }

    private void daily() {
        clock.after(DAY_S, this::daily);
        reconcile();
    }

    Order get(String id) {
        Order order = books.get(id);
        if (order == null) {
            throw new Refusal(404, "there is no order " + id);
        }
        return order;
    }

    List<Order> all() {
        return books.all();
    }

    // --- Orders ---

    /** Stores an order. The work is done when it is registered with PAYON, or given up. */
    Begun order(Map<String, Object> wish) {
        String currency = orElse(wish, "currency", "USD");
        Order order = new Order();
        order.amount = exact(wish.get("amount"), currency);
        order.currency = currency;
        order.method = orElse(wish, "method", "CREDIT_DEBIT");
        order.trt = orElse(wish, "trt", "10");
        order.clientId = Json.text(wish, "clientId");
        order.savedCard = wish.get("savedCard") != null && !Boolean.FALSE.equals(wish.get("savedCard"));
        String reference = orElse(wish, "reference", "");
        if (!METHODS.contains(order.method)) {
            throw new Refusal(422, "method must be one of " + METHODS);
        }
        if (!order.trt.equals("10") && !order.trt.equals("12")) {
            throw new Refusal(422, "trt must be 10 (purchase) or 12 (pre-authorisation)");
        }
        if (!reference.matches("[\\w-]{0,12}")) {
            throw new Refusal(422, "reference may have 12 letters, digits, _ and -");
        }
        order.id = "j%x%010x".formatted(System.currentTimeMillis(), random.nextLong() & 0xff_ffff_ffffL);
        order.txId = order.id + reference; // never used before, and nobody can guess it
        books.add(order);
        CompletableFuture<Void> done = new CompletableFuture<>();
        clock.after(0, () -> register(order.id, done, 0, true));
        return new Begun(order.id, done);
    }

    private static String orElse(Map<String, Object> members, String name, String otherwise) {
        return Objects.requireNonNullElse(Json.text(members, name), otherwise);
    }

    /** Registers a stored order: under its own txId, however often it takes. */
    private void register(String id, CompletableFuture<Void> done, int tried, boolean known) {
        Order order = get(id);
        if (!order.is("NEW")) {
            done.complete(null); // it has been paid meanwhile
            return;
        }
        String binding = order.savedCard ? books.binding(order.clientId) : null;
        Payon.Answer answer = payon.register(order, urls(id), binding);
        boolean isKnown = known && answer.kind() != Payon.Kind.LOST;
        boolean isRegistered = answer.kind() == Payon.Kind.YES;
        boolean isTaken = DUPLICATE.equals(answer.code());
        if (BINDING_GONE.equals(answer.code()) && order.savedCard) {
            forgetCard(order);
        } else if (isRegistered || isTaken && isOurs(order)) {
            registered(id, isRegistered ? answer.data() : null);
            done.complete(null);
            return;
        } else if (isTaken && tried > 0) { // by another's
            books.change(id, it -> it.txId = id + "-" + (tried + 1));
        } else if (answer.kind() == Payon.Kind.NO && !isTaken) {
            fail(id, "PAYON refused it with " + answer.code());
            done.complete(null);
            return;
        }
        if (tried + 1 < REGISTER_TRIES) {
            clock.after(Clock.growing(FIRST_RETRY_S, tried), () -> register(id, done, tried + 1, isKnown));
            return;
        }
        if (isKnown) {
            fail(id, "PAYON could not take it");
        } else {
            registered(id, null); // perhaps it was: PAYON is asked until it can be paid no more
        }
        done.complete(null);
    }

    private void registered(String id, Map<String, Object> data) {
        books.change(id, order -> {
            if (order.is("NEW")) {
                order.state = "WAITING";
            }
            order.checkoutUrl = Json.text(data, "checkoutUrl");
            order.day = Json.text(data, "txDt");
            order.until = System.currentTimeMillis() + (long) clock.ms(PAYABLE_S + GRACE_S);
        });
        watch(id);
    }

    private void fail(String id, String why) {
        books.change(id, order -> {
            if (order.is("NEW")) {
                order.state = "FAILED";
                order.note = why;
            }
        });
    }

    private Map<String, Object> urls(String id) {
        return Map.of(
            "noti_url", url + "/noti",
            "success_url", url + "/return/success/" + id,
            "fail_url", url + "/return/fail/" + id,
            "cancel_url", url + "/return/cancel/" + id);
    }

    /** A txId that is taken: is it taken by this order, of which the answer was lost? Our numbers are ours alone. */
    private boolean isOurs(Order order) {
        return payon.status(order).told() == Payon.Told.SUCCESS || listed(order) != null;
    }

    // --- News ---

    String find(String txId) {
        return books.find(txId);
    }

    /** Notes a push-back about an order, or the payer's return, and asks what is behind it. */
    void heard(String id, boolean isBad) {
        books.change(id, order -> order.hear(isBad));
        watch(id);
    }

    /** Sees to it that PAYON is asked about an order until it is settled, and at once when there is news. */
    private void watch(String id) {
        askIn(get(id).hasNews() ? 0 : FIRST_POLL_S, id, 0);
    }

    private void askIn(int seconds, String id, int asked) {
        Object appointment = new Object();
        appointments.put(id, appointment);
        clock.after(seconds, () -> ask(id, asked, appointment));
    }

    private void ask(String id, int asked, Object appointment) {
        if (appointments.get(id) == appointment && get(id).isOpen()) {
            check(id);
        }
        if (appointments.get(id) != appointment) {
            return; // there was news meanwhile, or there is a newer one
        }
        if (get(id).isOpen()) {
            askIn(Clock.growing(FIRST_POLL_S, asked), id, asked + 1);
        } else {
            appointments.remove(id, appointment);
        }
    }

    /** Asks PAYON about an order and books what it says, which is the result. */
    Payon.Status check(String id) {
        ReentrantLock turn = turn(id);
        turn.lock();
        try {
            Order order = get(id);
            int news = order.news;
            boolean isBad = order.hasNews() && order.badNews;
            Payon.Status status = payon.status(order);
            String listed = null;
            if (status.told() == Payon.Told.OPEN && order.isPending() && (isBad || order.isOver())) {
                // Not paid, not yet or never? The list tells, which is asked where there is reason to believe the worst.
                listed = LISTED_AS.get(codeOf(listed(order)));
            }
            String fate = listed;
            books.change(id, it -> {
                switch (status.told()) {
                    case OPEN -> bookOpen(it, fate);
                    case SUCCESS -> bookTold(it, status);
                    case UNKNOWN -> {
                        return;
                    }
                }
                it.asked = news;
            });
            return status;
        } finally {
            turn.unlock();
        }
    }

    /** PAYON has no success to tell of. */
    private static void bookOpen(Order order, String listed) {
        if (order.isPending()) {
            if (listed != null) {
                order.state = listed;
            } else if (order.isOver()) {
                order.state = "EXPIRED";
            }
        } else if (order.is("HELD")) {
            order.state = "EXPIRED"; // the bank has let the hold go
        } else if (order.is("PAID")) {
            order.dispute("PAYON knows nothing of the payment any more");
        }
    }

    /** PAYON tells a success. */
    private static void bookTold(Order order, Payon.Status status) {
        if (order.jobs.stream().anyMatch(job -> job.isOpen() && job.sent)) {
            return; // what this means is the job's business
        }
        boolean isSettled = order.is("PAID", "HELD", "REFUNDED");
        if (!isSamePrice(order, status)) {
            if (!isSettled) {
                order.dispute("PAYON tells " + status.amount() + " " + status.currency());
            }
            return;
        }
        switch (status.state()) {
            case "COMPLETE" -> {
                if (!order.isHoldOrder() && !isSettled) {
                    order.state = "PAID";
                    order.note = null;
                    order.ship();
                } else if (order.isHoldOrder() && order.captured == null) {
                    order.dispute("captured by somebody else");
                }
            }
            case "AUTHORIZED" -> {
                if (order.isHoldOrder() && !isSettled) {
                    order.state = "HELD";
                }
            }
            case "REFUNDED", "REVERSED" -> {
                if (!order.is("REFUNDED")) {
                    order.state = "REFUNDED";
                    order.refunded = order.taken();
                    order.note = "given back, but not by the shop";
                }
            }
            case "PARTIALLY_REFUNDED" -> {
                if (order.refunded.signum() == 0) {
                    order.dispute("given back in part, but not by the shop");
                }
            }
            default -> {
                // Not final.
            }
        }
    }

    private static boolean isSamePrice(Order order, Payon.Status status) {
        BigDecimal told = status.amount();
        // Of a capture in part PAYON does not say which of the two sums is told.
        return order.currency.equals(status.currency()) && told != null
            && (told.compareTo(order.amount) == 0 || told.compareTo(order.taken()) == 0);
    }

    // --- Money that moves after the payment ---

    /** Gives money back, all that is left when no amount is given: by `kind`, or by the other way where the day calls for it. */
    Begun giveBack(String id, String kind, Object amount) {
        return inTurn(id, order -> {
            if (order.is("REFUNDED") && amount == null) {
                return null; // it is done
            }
            if (!order.is("PAID", "HELD")) {
                throw new Refusal(409, "there is nothing to give back: the order is " + order.state);
            }
            BigDecimal left = order.left();
            BigDecimal asked = amount == null ? left : exact(amount, order.currency);
            if (asked.compareTo(left) > 0 || asked.signum() <= 0) {
                throw new Refusal(409, "only " + left.toPlainString() + " is left");
            }
            boolean isAll = asked.compareTo(order.taken()) == 0;
            if (order.is("HELD") && !isAll) {
                throw new Refusal(409, "a hold can only be let go as a whole");
            }
            String way = order.is("HELD") ? "reversal" : isAll ? kind : "refund";
            return new Order.Job(way, asked, isAll || amount == null);
        });
    }

    /** Captures what is held, all of it when no amount is given, and ships. */
    Begun capture(String id, Object amount) {
        return inTurn(id, order -> {
            if (order.jobs.stream().anyMatch(job -> job.isCapture() && !job.state.equals("refused"))) {
                return null; // once is enough
            }
            if (!order.is("HELD")) {
                throw new Refusal(409, "there is nothing to capture: the order is " + order.state);
            }
            BigDecimal asked = amount == null ? order.amount : exact(amount, order.currency);
            if (asked.compareTo(order.amount) > 0) {
                throw new Refusal(409, "only " + order.amount + " is held; the rest needs a payment of its own");
            }
            return new Order.Job("capture", asked, false);
        });
    }

    private interface JobMaker {
        Order.Job make(Order order);
    }

    /** Stores the job that an order calls for, if any, and begins it. */
    private Begun inTurn(String id, JobMaker maker) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        ReentrantLock turn = turn(id);
        turn.lock();
        try {
            Order.Job job = maker.make(get(id));
            if (job == null) {
                done.complete(null);
            } else {
                books.change(id, order -> order.jobs.add(job));
                clock.after(0, () -> work(id, job, done, 0));
            }
            return new Begun(id, done);
        } finally {
            turn.unlock();
        }
    }

    /** Works at a job until it is done or refused. */
    private void work(String id, Order.Job job, CompletableFuture<Void> done, int tried) {
        ReentrantLock turn = turn(id);
        turn.lock();
        try {
            tryJob(get(id), job);
        } finally {
            turn.unlock();
        }
        if (job.isOpen() && tried + 1 < JOB_TRIES) {
            clock.after(Clock.growing(FIRST_RETRY_S, tried), () -> work(id, job, done, tried + 1));
            return;
        }
        if (job.isOpen()) {
            books.change(id, order -> {
                job.state = "refused";
                order.dispute("nobody knows what became of the " + job.kind);
            });
        }
        done.complete(null);
    }

    private void tryJob(Order order, Order.Job job) {
        if (job.sent) {
            // The last call may have moved the money: PAYON is asked before it is moved again.
            switch (became(order, job)) {
                case DONE -> done(order, job);
                case GONE -> refused(order, job, "the payment is not there any more");
                case NOT -> move(order, job);
                case UNKNOWN -> {
                    // It is asked again later.
                }
            }
        } else {
            move(order, job);
        }
    }

    private void move(Order order, Order.Job job) {
        books.change(order.id, it -> job.sent = true);
        Payon.Answer answer = payon.move(order, job);
        if (answer.kind() == Payon.Kind.YES) {
            done(order, job);
        } else if (answer.kind() == Payon.Kind.NO) {
            answered(order, job, answer.code());
        }
    }

    /** A refusal, which may say that it is done already, or that it is to be done in the other way. */
    private void answered(Order order, Order.Job job, String code) {
        if (job.isCapture() && code.equals(CAPTURED)) {
            return; // by an earlier try? It is asked before the next.
        }
        if (job.whole && (code.equals(REVERSED) || code.equals(REFUNDED))) {
            done(order, job);
        } else if (job.kind.equals("reversal") && code.equals(SETTLED)) {
            turnInto("refund", order, job);
        } else if (job.kind.equals("refund") && job.whole && (code.equals(NOT_SETTLED) || code.equals(NOT_CAPTURED))) {
            turnInto("reversal", order, job);
        } else {
            refused(order, job, "PAYON refused it with " + code);
        }
    }

    private void turnInto(String kind, Order order, Order.Job job) {
        books.change(order.id, it -> {
            job.kind = kind;
            job.sent = false;
        });
        tryJob(order, job);
    }

    private void refused(Order order, Order.Job job, String why) {
        books.change(order.id, it -> {
            job.state = "refused";
            it.note = job.kind + ": " + why;
            it.hear(true); // the books were wrong, then
        });
        watch(order.id);
    }

    private void done(Order order, Order.Job job) {
        books.change(order.id, it -> {
            job.state = "done";
            if (job.isCapture()) {
                it.captured = job.amount;
                it.state = "PAID";
                it.ship();
                return;
            }
            it.refunded = it.refunded.add(job.amount);
            if (it.refunded.compareTo(it.taken()) >= 0) {
                it.state = "REFUNDED";
            }
        });
    }

    /** What has become of a job whose call may have got through. */
    private enum Became { DONE, NOT, GONE, UNKNOWN }

    private Became became(Order order, Order.Job job) {
        Payon.Status status = payon.status(order);
        if (status.told() == Payon.Told.OPEN) {
            String code = codeOf(listed(order));
            if (!job.isCapture() && (code.equals("11") || code.equals("12"))) {
                return Became.DONE;
            }
            return LISTED_AS.containsKey(code) ? Became.GONE : Became.UNKNOWN;
        }
        BigDecimal after = order.refunded.add(job.amount);
        boolean isOurs = !job.isCapture() && after.compareTo(order.taken()) == 0;
        return switch (status.state()) {
            case "AUTHORIZED" -> Became.NOT;
            case "COMPLETE" -> job.isCapture() ? Became.DONE : Became.NOT;
            case "REFUNDED", "REVERSED" -> isOurs ? Became.DONE : Became.GONE;
            case "PARTIALLY_REFUNDED" -> order.refunded.signum() == 0 ? Became.DONE : becameRefunded(order, after);
            default -> Became.UNKNOWN;
        };
    }

    /** Of several refunds in part the status does not tell the sum, but the reconciliation call confirms it or not. */
    private Became becameRefunded(Order order, BigDecimal total) {
        List<String> codes = payon.reconcile(List.of(claim(order, total, "REFUND")));
        String code = codes == null || codes.isEmpty() ? null : codes.get(0);
        return "0000".equals(code) ? Became.DONE : "3003".equals(code) ? Became.NOT : Became.UNKNOWN;
    }

    // --- Comparing the books ---

    /** Compares the books with PAYON's, by the list of orders and by the reconciliation call. */
    void reconcile() {
        compareByList();
        compareByCall();
    }

    void compareByList() {
        List<Order> orders = books.all();
        List<Map<String, Object>> rows = orders.isEmpty() ? null : listedAll(orders);
        for (Map<String, Object> row : rows == null ? List.<Map<String, Object>>of() : rows) {
            String txId = Json.text(row, "tracNo");
            String id = txId == null ? null : find(txId);
            if (id != null && !AGREES.getOrDefault(codeOf(row), UNPAID).contains(get(id).state)) {
                lookInto(id);
            }
        }
    }

    private void compareByCall() {
        List<Order> orders = books.all().stream().filter(order -> claimedAs(order) != null).toList();
        List<String> codes = payon.reconcile(
            orders.stream().map(order -> claim(order, order.taken(), claimedAs(order))).toList());
        for (int at = 0; codes != null && at < Math.min(codes.size(), orders.size()); at++) {
            if (!"0000".equals(codes.get(at))) {
                lookInto(orders.get(at).id);
            }
        }
    }

    /** Asks about an order that PAYON's books tell otherwise, and does again what was answered but never booked. */
    private void lookInto(String id) {
        if (undone(id, check(id).state()).isEmpty()) {
            return;
        }
        clock.sleepMs((long) clock.ms(LAG_S)); // it may be booked a moment after it was answered
        List<Order.Job> undone;
        ReentrantLock turn = turn(id);
        turn.lock();
        try {
            String state = check(id).state();
            undone = undone(id, state);
            if (undone.isEmpty() || get(id).jobs.stream().anyMatch(Order.Job::isOpen)) {
                return;
            }
            books.change(id, it -> {
                for (Order.Job job : undone) {
                    job.state = "open";
                    if (job.isCapture()) {
                        it.captured = null;
                    } else {
                        it.refunded = BigDecimal.ZERO;
                    }
                }
                it.state = state.equals("AUTHORIZED") ? "HELD" : "PAID";
            });
        } finally {
            turn.unlock();
        }
        undone.forEach(job -> work(id, job, new CompletableFuture<>(), 0));
    }

    /** The jobs of which PAYON knows nothing although it has answered them, by the state that it tells. */
    private List<Order.Job> undone(String id, String state) {
        return get(id).jobs.stream()
            .filter(job -> job.state.equals("done"))
            .filter(job -> state.equals("AUTHORIZED") || state.equals("COMPLETE") && !job.isCapture())
            .toList();
    }

    /** The row of an order in PAYON's list; null when it is not there, or there is no answer. */
    private Map<String, Object> listed(Order order) {
        List<Map<String, Object>> rows = listedAll(List.of(order));
        return rows == null ? null
            : rows.stream().filter(row -> order.txId.equals(Json.text(row, "tracNo"))).findFirst().orElse(null);
    }

    /**
     * The rows of the days on which these orders may have been registered. PAYON's calendar is Cambodia's, and where it
     * has told no day our own may differ by one.
     */
    private List<Map<String, Object>> listedAll(List<Order> orders) {
        LocalDate today = LocalDate.now(ZoneId.of("Asia/Phnom_Penh"));
        DateTimeFormatter format = DateTimeFormatter.BASIC_ISO_DATE;
        List<String> days = new ArrayList<>(List.of(today.minusDays(1).format(format), today.plusDays(1).format(format)));
        orders.stream().map(order -> order.day).filter(Objects::nonNull).forEach(days::add);
        return payon.orders(Collections.min(days), Collections.max(days));
    }

    private static String codeOf(Map<String, Object> row) {
        return row == null ? "" : orElse(row, "txStCd", "");
    }

    private static Map<String, Object> claim(Order order, BigDecimal total, String type) {
        return Map.of("txId", order.txId, "grandToTAmt", total, "transactionType", type);
    }

    /** What the books claim of an order's money, in the words of the reconciliation call. */
    private static String claimedAs(Order order) {
        boolean isReversed = order.jobs.stream().anyMatch(job -> job.kind.equals("reversal") && job.state.equals("done"));
        return switch (order.state) {
            case "HELD" -> "PRE_AUTH";
            case "PAID" -> order.isHoldOrder() ? "PRE_AUTH_COMPLETE" : "PURCHASE";
            case "REFUNDED" -> {
                if (!isReversed) {
                    yield "REFUND";
                }
                yield !order.isHoldOrder() ? "PURCHASE_REVERSAL"
                    : order.captured == null ? "PRE_AUTH_REVERSAL" : "PRE_AUTH_COMPLETE_REVERSAL";
            }
            default -> null;
        };
    }

    // --- Saved cards ---

    /** Saves a client's card with PAYON; the shop keeps the id only, never the number. */
    void bind(String clientId, Map<String, Object> card) {
        Payon.Answer answer = payon.bind(clientId, card);
        String bindingId = answer.kind() == Payon.Kind.YES ? Json.text(answer.data(), "bindingId") : null;
        if (clientId == null || bindingId == null) {
            throw new Refusal(502, "the card could not be saved; please try again");
        }
        books.saveBinding(clientId, bindingId);
    }

    /** A saved card is gone: the next try goes without it, and the payer is asked for a card. */
    private void forgetCard(Order order) {
        List<String> listed = payon.bindings(order.clientId);
        String binding = books.binding(order.clientId);
        if (listed != null && binding != null && !listed.contains(binding)) {
            books.saveBinding(order.clientId, null);
        }
        books.change(order.id, it -> it.savedCard = false);
    }

    // --- Helpers ---

    private ReentrantLock turn(String id) {
        return turns.computeIfAbsent(id, key -> new ReentrantLock());
    }

    /** The text of an amount, with all decimals of its currency. */
    static String text(BigDecimal amount, String currency) {
        return amount == null ? null : amount.setScale(DECIMALS.get(currency)).toPlainString();
    }

    /** An amount that is more than zero and has no more decimals than its currency. */
    private static BigDecimal exact(Object amount, String currency) {
        String text = amount instanceof BigDecimal number ? number.toPlainString() : String.valueOf(amount);
        if (!DECIMALS.containsKey(currency) || !text.matches("\\d{1,12}(\\.\\d{1,12})?")) {
            throw new Refusal(422, text + " is no amount in " + currency);
        }
        try {
            BigDecimal exact = new BigDecimal(text).setScale(DECIMALS.get(currency));
            if (exact.signum() > 0) {
                return exact;
            }
        } catch (ArithmeticException e) {
            // It has more decimals.
        }
        throw new Refusal(422, text + " is no amount in " + currency);
    }
}
