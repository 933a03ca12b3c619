import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Redirect;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.crypto.Cipher;

/** A shop that takes payments through PAYON, with nothing but what the JDK brings. */
public class Merchant {
    static final String BASE_URL = System.getenv("BASE_URL");
    static final String CONTROL_URL = System.getenv("CONTROL_URL");
    static final String MERCHANT_ID = System.getenv("MERCHANT_ID");
    static final String TERM_ID = System.getenv("TERM_ID");
    static final String CUSTOMER = "02";
    static final Duration PATIENCE = Duration.ofSeconds(10);

    /** Never follows redirects: PAYON tells with HTTP 302 and no Location that an order is not paid. */
    final HttpClient http = HttpClient.newHttpClient();
    final HttpClient browser = HttpClient.newBuilder().followRedirects(Redirect.NORMAL).build();
    final PushBacks pushBacks = new PushBacks();
    final PrivateKey privateKey;
    final RSAPublicKey gatewayKey;

    Merchant() throws Exception {
        KeyFactory rsa = KeyFactory.getInstance("RSA");
        byte[] ours = Base64.getDecoder().decode(System.getenv("PRIVATE_KEY"));
        byte[] theirs = Base64.getDecoder().decode(System.getenv("GATEWAY_PUBLIC_KEY"));
        privateKey = rsa.generatePrivate(new PKCS8EncodedKeySpec(ours));
        gatewayKey = (RSAPublicKey) rsa.generatePublic(new X509EncodedKeySpec(theirs));
    }

    // --- How requests are made ---

    /** An answer: its HTTP status and its JSON. */
    record Answer(int http, String json) {
        /** The first member of that name, as text; null where it is null or missing. */
        String text(String name) {
            return member(json, name);
        }

        BigDecimal amount() {
            return new BigDecimal(text("amount"));
        }
    }

    Answer post(String url, String json) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
            .timeout(PATIENCE)
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(json))
            .build();
        HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
        return new Answer(response.statusCode(), response.body());
    }

    /** Posts a request to PAYON. */
    Answer call(String path, Map<String, String> body) throws Exception {
        return post(BASE_URL + path, json(body));
    }

    /** A body that begins with who we are; more pairs of name and value follow. */
    static Map<String, String> ours(String... more) {
        Map<String, String> body = new LinkedHashMap<>();
        body.put("merchantId", MERCHANT_ID);
        body.put("termId", TERM_ID);
        for (int i = 0; i < more.length; i += 2) {
            body.put(more[i], more[i + 1]);
        }
        return body;
    }

    /** What is signed: name=value pairs sorted by name, joined by &; sign, null and "" left out, but not 0. */
    static String canonical(Map<String, String> body) {
        Map<String, String> sorted = new TreeMap<>(body);
        sorted.remove("sign");
        sorted.values().removeIf(value -> value == null || value.isEmpty());
        return pairs(sorted);
    }

    static String pairs(Map<String, String> body) {
        return body.entrySet().stream()
            .map(member -> member.getKey() + "=" + member.getValue())
            .collect(Collectors.joining("&"));
    }

    /** RSA-SHA256 with PKCS#1 v1.5 padding, in Base64. */
    String signature(String text) throws GeneralSecurityException {
        Signature signer = Signature.getInstance("SHA256withRSA");
        signer.initSign(privateKey);
        signer.update(text.getBytes(StandardCharsets.UTF_8));
        return Base64.getEncoder().encodeToString(signer.sign());
    }

    Map<String, String> sign(Map<String, String> body) throws GeneralSecurityException {
        body.put("sign", signature(canonical(body)));
        return body;
    }

    /** RSA with PKCS#1 v1.5 padding under PAYON's key, in as many blocks as the text needs. */
    byte[] encrypt(String text) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("RSA/ECB/PKCS1Padding");
        cipher.init(Cipher.ENCRYPT_MODE, gatewayKey);
        int room = gatewayKey.getModulus().bitLength() / 8 - 11;
        byte[] plain = text.getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream blocks = new ByteArrayOutputStream();
        for (int at = 0; at < plain.length; at += room) {
            blocks.writeBytes(cipher.doFinal(plain, at, Math.min(room, plain.length - at)));
        }
        return blocks.toByteArray();
    }

    static void expect(String what, Object got, Object wanted) {
        if (!wanted.equals(got)) {
            throw new IllegalStateException(what + ": expected " + wanted + ", got " + got);
        }
    }

    // --- JSON, as much of it as is needed here; a real shop has a library for it ---

    static String json(Map<String, String> members) {
        return members.entrySet().stream()
            .map(member -> quoted(member.getKey()) + ":" + quoted(member.getValue()))
            .collect(Collectors.joining(",", "{", "}"));
    }

    static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    /** The values of all members of that name, in order. */
    static List<String> members(String json, String name) {
        Pattern value = Pattern.compile(quoted(name) + "\\s*:\\s*(?:\"((?:[^\"\\\\]|\\\\.)*)\"|([^,}\\]\\s]+))");
        return value.matcher(json).results().map(Merchant::unquoted).collect(Collectors.toList());
    }

    static String member(String json, String name) {
        List<String> values = members(json, name);
        return values.isEmpty() || "null".equals(values.get(0)) ? null : values.get(0);
    }

    static String unquoted(MatchResult value) {
        if (value.group(1) == null) {
            return value.group(2);
        }
        Matcher escapes = Pattern.compile("\\\\(?:u(\\p{XDigit}{4})|(.))").matcher(value.group(1));
        return escapes.replaceAll(escape -> Matcher.quoteReplacement(escape.group(1) != null
            ? String.valueOf((char) Integer.parseInt(escape.group(1), 16))
            : escape.group(2).replace('n', '\n').replace('t', '\t')));
    }

    // --- Push-backs ---

    /** Listens for push-backs: takes each one, answers 200, and hands it to who waits for it. */
    static final class PushBacks {
        final AtomicInteger count = new AtomicInteger();
        private final Map<String, CompletableFuture<String>> waiting = new ConcurrentHashMap<>();
        private final HttpServer server;

        PushBacks() throws Exception {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.createContext("/payon/push-back", exchange -> {
                String notice = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
                exchange.sendResponseHeaders(200, -1);
                exchange.close();
                count.incrementAndGet();
                future(member(notice, "txId")).complete(notice);
            });
            server.start();
        }

        String url() {
            return "http://127.0.0.1:" + server.getAddress().getPort() + "/payon/push-back";
        }

        String waitFor(String txId) throws Exception {
            return future(txId).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        }

        private CompletableFuture<String> future(String txId) {
            return waiting.computeIfAbsent(txId, key -> new CompletableFuture<>());
        }

        void close() {
            server.stop(0);
        }
    }

    // --- The steps ---

    static String newTxId() {
        return "java-" + UUID.randomUUID();
    }

    /** Announces an order: trt 10 is a purchase, 12 a pre-authorisation. */
    String register(String trt, String amount) throws Exception {
        String txId = newTxId();
        Answer answer = call("/pg/order/register", ours(
            "txId", txId,
            "trt", trt,
            "currency", "USD",
            "amount", amount,
            "paymentMethod", "CREDIT_DEBIT",
            "clientId", CUSTOMER,
            "noti_url", pushBacks.url()));
        expect("register", answer.text("resultCode"), "0000");
        expect("registered amount", answer.amount().compareTo(new BigDecimal(amount)), 0);
        expect("checkoutUrl", URI.create(answer.text("checkoutUrl")).getScheme(), "http");
        return txId;
    }

    Answer status(String txId, String amount) throws Exception {
        return call("/pg/transaction/status", ours("txId", txId, "amount", amount, "currency", "USD"));
    }

    /** Plays the payer; in real life somebody opens checkoutUrl in a browser. */
    void pay(String txId) throws Exception {
        Answer answer = post(CONTROL_URL + "/_sim/v1/orders/" + MERCHANT_ID + "/" + txId + "/pay", "{}");
        expect("pay", answer.http(), 200);
    }

    /** Waits for the push-back. It carries no signature, so only the status call is believed. */
    void settle(String txId, String amount, String state) throws Exception {
        expect("status before the payment", status(txId, amount).http(), 302);
        pay(txId);
        expect("push-back", member(pushBacks.waitFor(txId), "resultCode"), "0000");
        Answer answer = status(txId, amount);
        expect("status", answer.http() + " " + answer.text("resultCode"), "200 0000");
        expect("paid order", answer.text("tracNo") + " " + answer.text("txStCd"), txId + " " + state);
        expect("paid amount", answer.amount().compareTo(new BigDecimal(amount)), 0);
        expect("paid currency", answer.text("currencyCode"), "USD");
    }

    void refund(String txId, String amount) throws Exception {
        Answer answer = call("/pg/refund", sign(ours("txId", txId, "amount", amount)));
        expect("refund", answer.text("resultCode") + " " + answer.amount(), "0000 " + amount);
    }

    /** Nothing can be given back, but it must not be taken for everything either: a zero is signed and sent. */
    void refundNothing(String txId) throws Exception {
        Answer answer = call("/pg/refund", sign(ours("txId", txId, "amount", "0")));
        expect("refund of nothing", answer.text("resultCode"), "1103");
    }

    void reverse(String txId, String amount) throws Exception {
        Answer answer = call("/pg/reversal", sign(ours("txId", txId)));
        expect("reversal", answer.text("resultCode") + " " + answer.amount(), "0000 " + amount);
    }

    /** Captures a part of what was authorised; the rest is released. */
    void complete(String txId, String amount) throws Exception {
        Map<String, String> body = ours("txId", txId, "currency", "USD", "amount", amount);
        Answer answer = call("/pg/preAuthCompletion", sign(body));
        expect("completion", answer.text("resultCode") + " " + answer.amount(), "0000 " + amount);
    }

    /** Signs the members as they stand instead of sorted, is refused, and asks the simulator why. */
    List<String> explain(String txId) throws Exception {
        Map<String, String> body = new LinkedHashMap<>();
        body.put("txId", txId);
        body.putAll(ours());
        body.put("sign", signature(pairs(body)));
        Answer answer = call("/pg/refund", body);
        expect("refund with a wrong signature", answer.text("resultCode"), "2102");
        String question = "{\"merchantId\":%s,\"operation\":\"refund\",\"body\":%s}"
            .formatted(quoted(MERCHANT_ID), json(body));
        Answer explanation = post(CONTROL_URL + "/_sim/v1/sign/explain", question);
        expect("explanation", explanation.text("ok"), "false");
        System.out.println("the signature was refused: " + explanation.text("summary"));
        String causes = explanation.json().substring(explanation.json().indexOf("\"causes\""));
        members(causes, "message").forEach(cause -> System.out.println("  because: " + cause));
        return members(causes, "code");
    }

    /** Saves a card without a payment. */
    String bind() throws Exception {
        Answer answer = call("/pg/binding/register", ours(
            "clientId", CUSTOMER,
            "paymentMethod", "CREDIT_DEBIT",
            "wdlAcNo", "5204730000001003",
            "wdlCvv", "100",
            "wdlExpiry", "202512",
            "wdlNm", "MC",
            "phone", "855964444781",
            "pin", "123456"));
        expect("binding", answer.text("resultCode"), "0000");
        expect("bound card", answer.text("wdlAcNo"), "520473**1003");
        return answer.text("bindingId");
    }

    void createPin(String pin) throws Exception {
        String encrypted = Base64.getEncoder().encodeToString(encrypt(pin));
        Answer answer = call("/pg/binding/createPIN", ours("clientId", CUSTOMER, "pin", encrypted));
        expect("createPIN", answer.text("resultCode"), "0000");
    }

    /** A link that needs no register call: the order travels in it, encrypted for PAYON. It ends by itself. */
    String checkoutLink(String amount) throws Exception {
        String txId = newTxId();
        String order = json(ours(
            "txId", txId,
            "trt", "10",
            "currency", "USD",
            "amount", amount,
            "paymentMethod", "CREDIT_DEBIT",
            "clientId", CUSTOMER,
            "noti_url", pushBacks.url(),
            "success_url", "https://shop.example/done",
            "fail_url", "https://shop.example/failed",
            "cancel_url", "https://shop.example/cart",
            "issuedAt", String.valueOf(System.currentTimeMillis())));
        String data = Base64.getUrlEncoder().withoutPadding().encodeToString(encrypt(order));
        URI link = URI.create(BASE_URL + "/pg/checkout?merchantId=" + MERCHANT_ID + "&data=" + data);
        HttpRequest request = HttpRequest.newBuilder(link).timeout(PATIENCE).build();
        expect("checkout page", browser.send(request, BodyHandlers.ofString()).statusCode(), 200);
        return txId;
    }

    /** The orders of the last two days, as Cambodia's calendar has them: one JSON object each. */
    List<String> orders() throws Exception {
        LocalDate today = LocalDate.now(ZoneId.of("Asia/Phnom_Penh"));
        DateTimeFormatter day = DateTimeFormatter.ofPattern("ddMMyyyy");
        Answer answer = call("/pg/orders", ours(
            "fromDate", today.minusDays(1).format(day),
            "toDate", today.format(day),
            "index", "1",
            "limit", "100"));
        List<String> sequence = members(answer.json(), "txSeqNo");
        expect("ascending orders", sequence, sequence.stream().sorted().collect(Collectors.toList()));
        return List.of(answer.json().split("(?<=\\}),"));
    }

    static String row(List<String> orders, String txId) {
        return orders.stream()
            .filter(order -> txId.equals(member(order, "tracNo")))
            .findFirst()
            .orElseThrow(() -> new IllegalStateException(txId + " is not in the list"));
    }

    void trade() throws Exception {
        String purchase = register("10", "12.50");
        settle(purchase, "12.50", "COMPLETE");
        List<String> causes = explain(purchase);
        refundNothing(purchase);
        refund(purchase, "2.50");
        refund(purchase, "10.00");

        String preAuth = register("12", "20.00");
        settle(preAuth, "20.00", "AUTHORIZED");
        complete(preAuth, "15.00");

        String reversed = register("10", "7.00");
        settle(reversed, "7.00", "COMPLETE");
        reverse(reversed, "7.00");

        String binding = bind();
        createPin("246810");
        String link = checkoutLink("3.25");

        List<String> listed = orders();
        expect("refunded in the list", member(row(listed, purchase), "refundYn"), "Y");
        expect("reversed in the list", member(row(listed, reversed), "cancelYn"), "Y");
        expect("completed in the list", member(row(listed, preAuth), "txStCd"), "09");

        System.out.printf("""
            {"client":"java","purchase":"%s","preAuth":"%s","reversed":"%s","link":"%s","binding":"%s",\
            "causes":["%s"],"pushBacks":%d,"orders":%d}
            """, purchase, preAuth, reversed, link, binding,
            String.join("\",\"", causes), pushBacks.count.get(), listed.size());
    }

    public static void main(String[] args) throws Exception {
        Merchant shop = new Merchant();
        try {
            shop.trade();
        } finally {
            // As long as it listens, the program does not end.
            shop.pushBacks.close();
        }
    }
}
