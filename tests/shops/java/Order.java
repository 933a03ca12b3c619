import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An order as the shop knows it. It is read and changed through the books only. */
final class Order {
    /** The shop's number, and PAYON's name for the order. */
    String id;
    String txId;
    String trt;
    BigDecimal amount;
    String currency;
    String method;
    String clientId;
    boolean savedCard;
    String state = "NEW";
    String checkoutUrl;
    /** The day of its registration, yyyyMMdd by PAYON's calendar. */
    String day;
    /** When it can be paid no more, in milliseconds by our own clock. */
    long until;
    int shipped;
    /** The sum, once a hold is captured. */
    BigDecimal captured;
    BigDecimal refunded = BigDecimal.ZERO;
    /** What was heard of it, and as much of that as PAYON has been asked about. */
    int news;
    int asked;
    boolean badNews;
    String note;
    final List<Job> jobs = new ArrayList<>();

    /** Money to be moved: kind is refund, reversal or capture. */
    static final class Job {
        String kind;
        BigDecimal amount;
        /** All that is left. */
        boolean whole;
        /** open, done or refused */
        String state = "open";
        /** A call was made, whatever became of it. */
        boolean sent;

        Job(String kind, BigDecimal amount, boolean whole) {
            this.kind = kind;
            this.amount = amount;
            this.whole = whole;
        }

        boolean isCapture() {
            return kind.equals("capture");
        }

        boolean isOpen() {
            return state.equals("open");
        }
    }

    boolean is(String... states) {
        return List.of(states).contains(state);
    }

    boolean isHoldOrder() {
        return trt.equals("12");
    }

    boolean isPending() {
        return is("NEW", "WAITING");
    }

    boolean isOver() {
        return !is("NEW") && System.currentTimeMillis() >= until;
    }

    boolean hasNews() {
        return news > asked;
    }

    boolean isOpen() {
        return isPending() || hasNews();
    }

    /** The sum that was taken from the payer: captured, or else ordered. */
    BigDecimal taken() {
        return captured == null ? amount : captured;
    }

    /** The sum that can still be given back. */
    BigDecimal left() {
        return jobs.stream()
            .filter(job -> job.isOpen() && !job.isCapture())
            .map(job -> job.amount)
            .reduce(taken().subtract(refunded), BigDecimal::subtract);
    }

    /** Notes that there is news, of which PAYON is to be asked. */
    void hear(boolean isBad) {
        // Good news does not hide bad news that nobody has followed up yet.
        badNews = isBad || hasNews() && badNews;
        news++;
    }

    void ship() {
        shipped = 1; // however often it is called
    }

    void dispute(String why) {
        state = "DISPUTED";
        note = why;
    }

    /** The order as a line of the books. */
    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("id", id);
        map.put("txId", txId);
        map.put("trt", trt);
        map.put("amount", amount);
        map.put("currency", currency);
        map.put("method", method);
        map.put("clientId", clientId);
        map.put("savedCard", savedCard);
        map.put("state", state);
        map.put("checkoutUrl", checkoutUrl);
        map.put("day", day);
        map.put("until", until);
        map.put("shipped", shipped);
        map.put("captured", captured);
        map.put("refunded", refunded);
        map.put("news", news);
        map.put("asked", asked);
        map.put("badNews", badNews);
        map.put("note", note);
        map.put("jobs", jobs.stream().map(job -> {
            Map<String, Object> members = new LinkedHashMap<>();
            members.put("kind", job.kind);
            members.put("amount", job.amount);
            members.put("whole", job.whole);
            members.put("state", job.state);
            members.put("sent", job.sent);
            return members;
        }).toList());
        return map;
    }

    static Order of(Map<String, Object> map) {
        Order order = new Order();
        order.id = Json.text(map, "id");
        order.txId = Json.text(map, "txId");
        order.trt = Json.text(map, "trt");
        order.amount = (BigDecimal) map.get("amount");
        order.currency = Json.text(map, "currency");
        order.method = Json.text(map, "method");
        order.clientId = Json.text(map, "clientId");
        order.savedCard = (Boolean) map.get("savedCard");
        order.state = Json.text(map, "state");
        order.checkoutUrl = Json.text(map, "checkoutUrl");
        order.day = Json.text(map, "day");
        order.until = ((BigDecimal) map.get("until")).longValue();
        order.shipped = ((BigDecimal) map.get("shipped")).intValue();
        order.captured = (BigDecimal) map.get("captured");
        order.refunded = (BigDecimal) map.get("refunded");
        order.news = ((BigDecimal) map.get("news")).intValue();
        order.asked = ((BigDecimal) map.get("asked")).intValue();
        order.badNews = (Boolean) map.get("badNews");
        order.note = Json.text(map, "note");
        for (Object each : (List<?>) map.get("jobs")) {
            Map<String, Object> members = Json.object(each);
            BigDecimal amount = (BigDecimal) members.get("amount");
            Job job = new Job(Json.text(members, "kind"), amount, (Boolean) members.get("whole"));
            job.state = Json.text(members, "state");
            job.sent = (Boolean) members.get("sent");
            order.jobs.add(job);
        }
        return order;
    }
}
