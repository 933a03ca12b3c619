import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A shop that takes payments through PAYON, with nothing but what Java brings.
 *
 * <p>This file has the settings and the shop's HTTP calls; Shop says what it does about its orders, Payon makes the calls
 * to PAYON, Books keeps the orders in a file, Clock knows what is to be done later, Json is as much of a library as is
 * needed here. run.sh compiles and starts it.
 */
final class ShopServer {
    /** How long a caller is kept waiting for PAYON; what takes longer goes on by itself. */
    private static final int PATIENCE_S = 45;
    private static final int BODY_BYTES_MAX = 64 << 10;
    /** Real seconds for a request that drips. */
    private static final String READ_LIMIT_S = "60";

    private record Reply(int status, Object said) {
    }

    private interface Call {
        Reply make(Map<String, Object> body, Matcher path) throws Exception;
    }

    private record Route(String method, Pattern path, Call call) {
    }

    private final Shop shop;
    private final Clock clock;
    private final List<Route> routes;

    private ShopServer(Shop shop, Clock clock) {
        this.shop = shop;
        this.clock = clock;
        this.routes = List.of(
            route("GET", "/healthz", (body, path) -> new Reply(200, Map.of("ok", true))),
            route("POST", "/orders", (body, path) -> after(shop.order(body), 201)),
            route("GET", "/orders", (body, path) -> new Reply(200, shop.all().stream().map(ShopServer::view).toList())),
            route("GET", "/orders/([^/]+)", (body, path) -> new Reply(200, view(shop.get(path.group(1))))),
            route("POST", "/orders/([^/]+)/refund",
                (body, path) -> after(shop.giveBack(path.group(1), "refund", body.get("amount")), 200)),
            route("POST", "/orders/([^/]+)/cancel",
                (body, path) -> after(shop.giveBack(path.group(1), "reversal", null), 200)),
            route("POST", "/orders/([^/]+)/capture",
                (body, path) -> after(shop.capture(path.group(1), body.get("amount")), 200)),
            route("POST", "/orders/([^/]+)/check", (body, path) -> {
                shop.check(path.group(1));
                return new Reply(200, view(shop.get(path.group(1))));
            }),
            route("POST", "/list", (body, path) -> {
                shop.compareByList();
                return new Reply(200, Map.of("ok", true));
            }),
            route("POST", "/reconcile", (body, path) -> {
                shop.reconcile();
                return new Reply(200, Map.of("ok", true));
            }),
            route("POST", "/cards", (body, path) -> {
                shop.bind(Json.text(body, "clientId"), body);
                return new Reply(201, Map.of("clientId", Json.text(body, "clientId"), "saved", true));
            }),
            route("POST", "/noti", (body, path) -> pushBack(body)),
            route("GET", "/return/(success|fail|cancel)/([^/]+)", (body, path) -> comeBack(path)));
    }

    private static Route route(String method, String path, Call call) {
        return new Route(method, Pattern.compile(path), call);
    }

    /** An order as it is shown. */
    private static Map<String, Object> view(Order order) {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("id", order.id);
        view.put("txId", order.txId);
        view.put("state", order.state);
        view.put("amount", Shop.text(order.amount, order.currency));
        view.put("currency", order.currency);
        view.put("checkoutUrl", order.checkoutUrl);
        view.put("shippedCount", order.shipped);
        view.put("captured", Shop.text(order.captured, order.currency));
        view.put("refunded", Shop.text(order.refunded, order.currency));
        view.put("note", order.note);
        return view;
    }

    /** Answers about an order when the work is done or the caller has waited long enough. */
    private Reply after(Shop.Begun begun, int status) throws InterruptedException, ExecutionException {
        int said = status;
        try {
            begun.work().get((long) clock.ms(PATIENCE_S), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            said = 202;
        }
        return new Reply(said, view(shop.get(begun.id())));
    }

    /** A push-back: stored, then acknowledged with the code that some senders want. What it says is not believed. */
    private Reply pushBack(Map<String, Object> body) {
        String txId = Json.text(body, "txId");
        if (txId == null) {
            throw new Shop.Refusal(400, "a push-back names a txId");
        }
        String id = shop.find(txId);
        if (id == null) {
            throw new Shop.Refusal(404, "no such order");
        }
        shop.heard(id, !"0000".equals(Json.text(body, "resultCode")));
        return new Reply(200, Map.of("resultCode", "0000", "resultMsg", "Success"));
    }

    /** The payer's page: it says that the shop is looking into it, and decides nothing. */
    private Reply comeBack(Matcher path) {
        shop.get(path.group(2));
        shop.heard(path.group(2), !path.group(1).equals("success"));
        return new Reply(200, "Thank you. We are checking your payment.");
    }

    private void handle(HttpExchange exchange) throws IOException {
        Reply reply;
        try {
            reply = answer(exchange);
        } catch (Shop.Refusal refusal) {
            reply = new Reply(refusal.status, Map.of("error", refusal.getMessage()));
        } catch (IOException e) {
            exchange.close(); // the sender has gone
            return;
        } catch (Exception e) {
            e.printStackTrace();
            reply = new Reply(500, Map.of("error", "something went wrong"));
        }
        boolean isPage = reply.said instanceof String;
        byte[] body = (isPage ? (String) reply.said : Json.write(reply.said)).getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", isPage ? "text/plain; charset=utf-8" : "application/json");
        exchange.sendResponseHeaders(reply.status, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    private Reply answer(HttpExchange exchange) throws Exception {
        String method = exchange.getRequestMethod();
        String path = exchange.getRequestURI().getRawPath();
        String body = read(exchange.getRequestBody());
        TreeSet<String> others = new TreeSet<>();
        for (Route route : routes) {
            Matcher match = route.path.matcher(path);
            if (match.matches() && route.method.equals(method)) {
                return route.call.make(method.equals("POST") ? parse(body) : Map.of(), match);
            }
            if (match.matches()) {
                others.add(route.method);
            }
        }
        throw others.isEmpty()
            ? new Shop.Refusal(404, "there is no " + path)
            : new Shop.Refusal(405, path + " takes " + others);
    }

    /** Reads a body to its end, so that its sender hears the answer, but keeps no more than is sensible. */
    private static String read(InputStream in) throws IOException {
        ByteArrayOutputStream kept = new ByteArrayOutputStream();
        byte[] part = new byte[1 << 14];
        for (int length = in.read(part); length >= 0; length = in.read(part)) {
            if (kept.size() <= BODY_BYTES_MAX) {
                kept.write(part, 0, length);
            }
        }
        if (kept.size() > BODY_BYTES_MAX) {
            throw new Shop.Refusal(413, "a body may have " + BODY_BYTES_MAX + " bytes");
        }
        return kept.toString(StandardCharsets.UTF_8);
    }

    /** The body as an object; an empty one is none. */
    private static Map<String, Object> parse(String body) {
        Map<String, Object> members = Json.object(Json.parse(body.isEmpty() ? "{}" : body));
        if (members == null) {
            throw new Shop.Refusal(400, "the body must be a JSON object");
        }
        return members;
    }

    private static String setting(String name, String otherwise) {
        String value = Objects.requireNonNullElse(System.getenv(name), otherwise);
        return Objects.requireNonNull(value, "the environment must set " + name);
    }

    private static String setting(String name) {
        return Objects.requireNonNull(System.getenv(name), "the environment must set " + name);
    }

    public static void main(String[] args) throws Exception {
        System.setProperty("sun.net.httpserver.maxReqTime", READ_LIMIT_S);
        System.setProperty("sun.net.httpserver.nodelay", "true");
        int port = Integer.parseInt(setting("PORT", "3000"));
        String url = setting("SHOP_URL", "http://127.0.0.1:" + port);
        ExecutorService workers = Executors.newCachedThreadPool();
        Clock clock = new Clock(Double.parseDouble(setting("TIME_SCALE", "1")), workers);
        Payon payon = new Payon(setting("PAYON_URL"), setting("MERCHANT_ID"), setting("TERM_ID"),
            setting("PRIVATE_KEY"), System.getenv("TOKEN"), clock);
        Shop shop = new Shop(new Books(Path.of(setting("BOOKS", "books.jsonl"))), payon, clock, url);
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 256);
        server.createContext("/", new ShopServer(shop, clock)::handle);
        server.setExecutor(workers);
        server.start();
        payon.warmUp("http://127.0.0.1:" + port + "/noti");
        shop.open();
        System.out.println("the shop is open at " + url);
    }
}
