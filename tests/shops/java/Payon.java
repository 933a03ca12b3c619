import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/** Calls to PAYON: signed where needed, limited in time, never redirected, and read for what they really say. */
final class Payon {
    private static final int CALL_LIMIT_S = 30;
    private static final int ANSWER_BYTES_MAX = 4 << 20;
    private static final int PAGE_ROWS = 100;
    private static final Set<String> SIGNED = Set.of("/pg/refund", "/pg/reversal", "/pg/preAuthCompletion");
    private static final String STATUS = "/pg/transaction/status";
    /** "Not now; nothing was done." */
    private static final Set<String> TEMPORARY = Set.of("9001", "9002");
    private static final String SYSTEM_ERROR = "9999";

    /** What a call has come to. */
    enum Kind {
        /** Done, with the body. */
        YES,
        /** Refused, with the code. */
        NO,
        /** Refused for now, nothing was done. */
        LATER,
        /** No answer, or none that can be read: nothing is known. */
        LOST,
    }

    record Answer(Kind kind, Object body, String code) {
        static final Answer LATER = new Answer(Kind.LATER, null, null);
        static final Answer LOST = new Answer(Kind.LOST, null, null);

        /** The members of resultData, or of the body itself. */
        Map<String, Object> data() {
            Map<String, Object> members = Json.object(body);
            return members != null && members.containsKey("resultData") ? Json.object(members.get("resultData")) : members;
        }
    }

    /** What PAYON says of an order. */
    enum Told {
        /** A success: its state, amount and currency. */
        SUCCESS,
        /** No success to tell of: unknown, not paid yet, or not any more; these three look the same. */
        OPEN,
        /** No answer. */
        UNKNOWN,
    }

    record Status(Told told, String state, BigDecimal amount, String currency) {
    }

    private final String url;
    private final Map<String, Object> ours;
    private final PrivateKey key;
    private final String token;
    private final Clock clock;
    private final HttpClient http = HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_1_1)
        .followRedirects(HttpClient.Redirect.NEVER)
        .build();
    /** PAYON has asked to be left alone until then, in milliseconds. */
    private final AtomicLong notBefore = new AtomicLong();

    Payon(String url, String merchantId, String termId, String privateKey, String token, Clock clock)
        throws GeneralSecurityException {
        this.url = url;
        this.ours = Map.of("merchantId", merchantId, "termId", termId);
        byte[] der = Base64.getDecoder().decode(privateKey);
        this.key = KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(der));
        this.token = token;
        this.clock = clock;
    }

    /** Makes a call to another address, so that what calls need is loaded before the first order comes. */
    void warmUp(String address) {
        Map<String, Object> body = withOurs(Map.of("txId", "none"));
        body.put("sign", signature(body));
        send(URI.create(address), STATUS, Json.write(body));
    }

    private Answer call(String path, Map<String, Object> members) {
        Map<String, Object> body = withOurs(members);
        body.values().removeIf(Objects::isNull);
        if (SIGNED.contains(path)) {
            body.put("sign", signature(body));
        }
        return send(path, Json.write(body));
    }

    private Map<String, Object> withOurs(Map<String, Object> members) {
        Map<String, Object> body = new LinkedHashMap<>(ours);
        body.putAll(members);
        return body;
    }

    /** RSA-SHA256 over the sorted name=value pairs, empty ones left out, in Base64. */
    private String signature(Map<String, Object> body) {
        String pairs = new TreeMap<>(body).entrySet().stream()
            .filter(member -> !"".equals(member.getValue()))
            .map(member -> member.getKey() + "=" + member.getValue())
            .collect(Collectors.joining("&"));
        try {
            Signature signer = Signature.getInstance("SHA256withRSA");
            signer.initSign(key);
            signer.update(pairs.getBytes(StandardCharsets.UTF_8));
            return Base64.getEncoder().encodeToString(signer.sign());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private Answer send(String path, String body) {
        return send(URI.create(url + path), path, body);
    }

    private Answer send(URI address, String path, String body) {
        clock.sleepMs(notBefore.get() - System.currentTimeMillis());
        HttpRequest.Builder request = HttpRequest.newBuilder(address)
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(body));
        if (token != null) {
            request.header("Authentication", token);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CompletableFuture<HttpResponse<Void>> call = http.sendAsync(request.build(), BodyHandlers.ofByteArrayConsumer(part -> {
            part.ifPresent(bytes::writeBytes);
            if (bytes.size() > ANSWER_BYTES_MAX) {
                throw new IllegalStateException("the answer is too large");
            }
        }));
        try {
            // For the call as a whole: an answer that drips byte by byte ends as well.
            HttpResponse<Void> response = call.get((long) clock.ms(CALL_LIMIT_S), TimeUnit.MILLISECONDS);
            String retryAfter = response.headers().firstValue("Retry-After").orElse("");
            if (retryAfter.matches("\\d{1,6}")) {
                long until = System.currentTimeMillis() + (long) clock.ms(Integer.parseInt(retryAfter));
                notBefore.accumulateAndGet(until, Math::max);
                return Answer.LATER;
            }
            return understood(path, Json.parse(bytes.toString(StandardCharsets.UTF_8)));
        } catch (ExecutionException | TimeoutException e) {
            call.cancel(true);
            return Answer.LOST;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Reads an answer, whatever the Content-Type and the status say. */
    private static Answer understood(String path, Object body) {
        if (body instanceof List) {
            return new Answer(Kind.YES, body, null);
        }
        String code = Json.text(Json.object(body), "resultCode");
        if ("0000".equals(code)) {
            return new Answer(Kind.YES, body, code);
        }
        if (code != null && TEMPORARY.contains(code)) {
            return Answer.LATER;
        }
        // "System error" says nothing about money. Only of a status call it is documented: no success to tell of.
        if (code == null || code.equals(SYSTEM_ERROR) && !path.equals(STATUS)) {
            return Answer.LOST;
        }
        return new Answer(Kind.NO, null, code);
    }

    Answer register(Order order, Map<String, Object> urls, String bindingId) {
        Map<String, Object> members = new LinkedHashMap<>(urls);
        members.put("txId", order.txId);
        members.put("trt", order.trt);
        members.put("currency", order.currency);
        members.put("amount", order.amount.toPlainString());
        members.put("paymentMethod", order.method);
        members.put("clientId", order.clientId);
        members.put("bindingId", bindingId);
        return call("/pg/order/register", members);
    }

    /** Makes the call of a job; a refund of all that is left names no amount. */
    Answer move(Order order, Order.Job job) {
        String amount = job.amount.toPlainString();
        return switch (job.kind) {
            case "capture" -> call("/pg/preAuthCompletion",
                Map.of("txId", order.txId, "currency", order.currency, "amount", amount));
            case "reversal" -> call("/pg/reversal", Map.of("txId", order.txId));
            default -> call("/pg/refund",
                job.whole ? Map.of("txId", order.txId) : Map.of("txId", order.txId, "amount", amount));
        };
    }

    Status status(Order order) {
        Answer answer = call(STATUS,
            Map.of("txId", order.txId, "amount", order.amount.toPlainString(), "currency", order.currency));
        if (answer.kind == Kind.NO) {
            return new Status(Told.OPEN, "", null, null);
        }
        Map<String, Object> data = answer.kind == Kind.YES ? answer.data() : null;
        if (data == null || !order.txId.equals(data.getOrDefault("tracNo", order.txId))) {
            return new Status(Told.UNKNOWN, "", null, null);
        }
        String state = Objects.requireNonNullElse(Json.text(data, "txStCd"), "");
        return new Status(Told.SUCCESS, state, amount(data.get("amount")), Json.text(data, "currencyCode"));
    }

    /** An amount that came as text or as a number; null when it is neither. */
    private static BigDecimal amount(Object value) {
        if (value instanceof String text && text.matches("\\d{1,12}(\\.\\d{1,12})?")) {
            return new BigDecimal(text);
        }
        return value instanceof BigDecimal number ? number : null;
    }

    /** The rows of all orders of these days (yyyyMMdd); null when there is no answer. */
    List<Map<String, Object>> orders(String from, String to) {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int index = 1; ; index++) {
            Map<String, Object> page = withOurs(
                Map.of("fromDate", dayFirst(from), "toDate", dayFirst(to), "index", index, "limit", PAGE_ROWS));
            List<?> listed = ask("/pg/orders", Json.write(page));
            if (listed == null) {
                return null;
            }
            listed.stream().map(Json::object).filter(Objects::nonNull).forEach(rows::add);
            if (listed.size() < PAGE_ROWS) {
                return rows;
            }
        }
    }

    private static String dayFirst(String day) {
        return day.substring(6) + day.substring(4, 6) + day.substring(0, 4);
    }

    /** PAYON's verdict on each row, in order: its code; null when there is no answer. */
    List<String> reconcile(List<Map<String, Object>> claims) {
        List<String> codes = new ArrayList<>();
        for (int at = 0; at < claims.size(); at += PAGE_ROWS) {
            List<Map<String, Object>> some = claims.subList(at, Math.min(at + PAGE_ROWS, claims.size()));
            List<?> verdicts = ask("/pg/merchant/reconcilation", Json.write(some.stream().map(this::withOurs).toList()));
            if (verdicts == null) {
                return null;
            }
            verdicts.forEach(row -> codes.add(Json.text(Json.object(row), "resultCode")));
        }
        return codes;
    }

    /** The list that a call answers, which only asks and may be made a few times. */
    private List<?> ask(String path, String body) {
        for (int tried = 0; tried < 4; tried++) {
            if (tried > 0) {
                clock.sleepMs((long) clock.ms(5 << 2 * tried));
            }
            Answer answer = send(path, body);
            if (answer.body instanceof List<?> list) {
                return list;
            }
            if (answer.kind == Kind.NO) {
                break;
            }
        }
        return null;
    }

    Answer bind(String clientId, Map<String, Object> card) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("clientId", clientId);
        members.put("paymentMethod", "CREDIT_DEBIT");
        members.put("wdlAcNo", card.get("number"));
        members.put("wdlCvv", card.get("cvv"));
        members.put("wdlExpiry", card.get("expiry"));
        return call("/pg/binding/register", members);
    }

    /** The ids of a client's saved cards; null when there is no answer. */
    List<String> bindings(String clientId) {
        Map<String, Object> answer = Json.object(call("/pg/bindingList", Map.of("clientId", clientId)).body);
        if (answer == null || !(answer.get("resultData") instanceof List<?> rows)) {
            return null;
        }
        return rows.stream().map(row -> Json.text(Json.object(row), "bindingId")).filter(Objects::nonNull).toList();
    }
}
