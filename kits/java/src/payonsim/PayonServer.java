package payonsim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.extension.ExtensionContext.Store.CloseableResource;

/** A running simulator: the one at PAYON_SIM_URL, else one that is started on a free port and ends with this process. */
public final class PayonServer implements AutoCloseable, CloseableResource {
    static final ObjectMapper JSON = new ObjectMapper();
    final String controlUrl;
    private final String token;
    private final Process process;
    private final HttpClient http = HttpClient.newHttpClient();

    /** Starts or joins it. The flags are those of {@code payon-sim serve}; with any, it is started in any case. */
    public PayonServer(String... flags) {
        Optional<String> url = variable("PAYON_SIM_CONTROL_URL").or(() -> variable("PAYON_SIM_URL"));
        if (url.isPresent() && flags.length == 0) {
            controlUrl = url.get().replaceAll("/$", "");
            token = variable("PAYON_SIM_CONTROL_TOKEN").orElse(null);
            process = null;
            return;
        }
        List<String> line = new ArrayList<>(List.of(variable("PAYON_SIM_BIN").orElse("payon-sim"), "serve", "--port", "0",
            "--quiet", "--ready-file", "-", "--exit-with-parent"));
        line.addAll(List.of(flags));
        try {
            process = new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            String ready = process.inputReader().readLine();
            if (ready == null) {
                throw new IllegalStateException("payon-sim ended before it was ready; it says why above");
            }
            controlUrl = JSON.readTree(ready).path("controlUrl").asText();
            token = JSON.readTree(ready).path("controlToken").asText(null);
        } catch (IOException error) {
            throw new IllegalStateException("payon-sim cannot be started; PAYON_SIM_BIN names the program", error);
        }
    }

    private static Optional<String> variable(String name) {
        return Optional.ofNullable(System.getenv(name)).filter(value -> !value.isEmpty());
    }

    /** Makes a space with one merchant. */
    public PayonSpace space() {
        return new PayonSpace(this, control("POST", controlUrl + "/_sim/v1/spaces", Map.of()));
    }

    JsonNode control(String method, String url, Object body) {
        Answer answer = send(method, url, body);
        if (answer.status() >= 400) {
            throw new IllegalStateException(answer.json().path("detail").asText("payon-sim answers " + answer.status()));
        }
        return answer.json();
    }

    record Answer(int status, JsonNode json) {}

    Answer send(String method, String url, Object body) {
        try {
            String text = body == null ? "" : body instanceof String ? (String) body : JSON.writeValueAsString(body);
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url))
                .header("Content-Type", "application/json").method(method, BodyPublishers.ofString(text));
            if (token != null && url.contains("/_sim/")) {
                request.header("Authorization", "Bearer " + token);
            }
            var answer = http.send(request.build(), BodyHandlers.ofString());
            return new Answer(answer.statusCode(), JSON.readTree(answer.body()));
        } catch (IOException error) {
            throw new IllegalStateException("no answer from " + url, error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(error);
        }
    }

    /** Ends a simulator that was started here. */
    @Override
    public void close() {
        if (process != null) {
            process.destroy();
        }
    }
}
