package payonsim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;

/** An isolated world with one merchant. Give baseUrl, the ids and the keys to the code under test. */
public final class PayonSpace implements AutoCloseable {
    public final String name;
    public final String baseUrl;
    public final String merchantId;
    public final String termId;
    /** PKCS#8, Base64 DER on one line; a test key. */
    public final String privateKey;
    /** SubjectPublicKeyInfo, Base64 DER on one line. */
    public final String gatewayPublicKey;
    private final PayonServer server;
    private final String controlUrl;

    PayonSpace(PayonServer server, JsonNode made) {
        JsonNode merchant = made.at("/merchants/0");
        this.server = server;
        name = made.path("name").asText();
        baseUrl = made.path("baseUrl").asText();
        controlUrl = made.path("controlUrl").asText();
        gatewayPublicKey = made.path("gatewayPublicKey").asText();
        merchantId = merchant.path("merchantId").asText();
        termId = merchant.path("termId").asText();
        privateKey = merchant.path("privateKey").asText();
    }

    /** A noti_url that needs no listener: what is sent there, {@link #pushback} reads. */
    public String inboxUrl(String box) {
        return baseUrl + "/_sim/inbox/" + box;
    }

    /** Calls the control plane below /_sim/v1/; the body is JSON text, or what Jackson can write; null for none. */
    public JsonNode control(String method, String path, Object body) {
        return server.control(method, controlUrl + "/_sim/v1/" + path, body);
    }

    /** Calls PAYON as the merchant, such as /pg/refund; merchantId and termId are added. */
    public JsonNode call(String path, Map<String, ?> members, boolean sign) {
        Map<String, Object> body = new LinkedHashMap<>(Map.of("merchantId", merchantId, "termId", termId));
        body.putAll(members);
        Map<String, Object> question = Map.of("merchantId", merchantId, "body", body);
        return server.send("POST", baseUrl + path, sign ? control("POST", "sign", question).get("body") : body).json();
    }

    /** Registers an order by card in US dollars; members of the request go before these. */
    public JsonNode register(String amount, Map<String, ?> members) {
        Map<String, Object> order = new LinkedHashMap<>(Map.of("txId", UUID.randomUUID().toString(), "trt", "10",
            "currency", "USD", "amount", amount, "paymentMethod", "CREDIT_DEBIT", "noti_url", inboxUrl("shop")));
        order.putAll(members);
        JsonNode answer = call("/pg/order/register", order, false);
        if (!answer.path("resultCode").asText().equals("0000")) {
            throw new IllegalStateException("the order is refused: " + answer);
        }
        ObjectNode all = PayonServer.JSON.valueToTree(order);
        return all.setAll((ObjectNode) answer.get("resultData"));
    }

    /** The same without further members. */
    public JsonNode register(String amount) {
        return register(amount, Map.of());
    }

    /** Plays the payer, such as {@code Map.of("outcome", "card.insufficient-funds")}. */
    public JsonNode pay(JsonNode order, Map<String, ?> payer) {
        return control("POST", path(order) + "/pay", payer);
    }

    /** Plays the payer with the first card that is approved. */
    public JsonNode pay(JsonNode order) {
        return pay(order, Map.of());
    }

    /** Makes an event happen: expire, cancel, settle, late-decline, late-approval or chargeback. */
    public JsonNode trigger(JsonNode order, String event) {
        return control("POST", path(order) + "/trigger", Map.of("event", event));
    }

    /** Asks PAYON for the status of an order, as a merchant must after a push-back. */
    public JsonNode status(JsonNode order) {
        return call("/pg/transaction/status", Map.of("txId", order.get("txId"), "amount", order.get("amount"),
            "currency", order.get("currency")), false);
    }

    /** Asks PAYON for a refund, signed. */
    public JsonNode refund(JsonNode order, String amount) {
        return call("/pg/refund", Map.of("txId", order.get("txId"), "amount", amount), true);
    }

    /** Waits for a push-back of an order that came to {@code inboxUrl("shop")}, and returns its body. */
    public JsonNode pushback(JsonNode order) {
        return await("inbox", Map.of("box", "shop", "txId", order.path("txId").asText())).at("/message/json");
    }

    /** Waits for order-final, pushback-acknowledged, pushback-exhausted, request, inbox or idle. */
    public JsonNode await(String what, Map<String, ?> query) {
        String more = query.entrySet().stream().map(it -> "&" + it.getKey() + "=" + encoded(it.getValue()))
            .collect(Collectors.joining());
        return control("GET", "wait?for=" + what + more, null);
    }

    /** Changes the clock of the space: advance "10m", freeze true, runUntilIdle true. */
    public JsonNode clock(Map<String, ?> wish) {
        return control("POST", "clock", wish);
    }

    /** Arms rules as in a scenario file, as JSON or YAML, in place of those before. */
    public JsonNode rules(String rules) {
        return control("PUT", "rules", rules);
    }

    /** Arms the rules of a scenario of the catalogue, such as S014. */
    public JsonNode scenario(String id) {
        return control("POST", "scenarios/" + encoded(id) + "/arm", Map.of());
    }

    /** Judges expectations as under {@code expect} of a scenario file, a JSON object each; throws where one is not met. */
    public void verify(String... expect) {
        StringBuilder unmet = new StringBuilder();
        for (JsonNode it : control("POST", "verify", "{\"expect\":[" + String.join(",", expect) + "]}").get("results")) {
            if (!it.get("ok").asBoolean()) {
                unmet.append("\n").append(it.get("expectation")).append(": ").append(it.get("detail").asText());
            }
        }
        if (unmet.length() > 0) {
            throw new AssertionError("not as expected:" + unmet);
        }
    }

    /** Requests, findings and push-backs of the space in words. */
    public String report() {
        return control("GET", "report", null).path("text").asText();
    }

    /** Removes the space. */
    @Override
    public void close() {
        server.send("DELETE", server.controlUrl + "/_sim/v1/spaces/" + name, null);
    }

    private String path(JsonNode order) {
        return "orders/" + merchantId + "/" + encoded(order.path("txId").asText());
    }

    private static String encoded(Object value) {
        return URLEncoder.encode(value.toString(), StandardCharsets.UTF_8);
    }
}
