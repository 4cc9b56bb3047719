package kafkalogs.search;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLContext;
import kafkalogs.tls.TrustedCertificates;
import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;

/** The `_bulk` API of Elasticsearch and OpenSearch, with `create` for each document. */
final class Bulk {
    /** The server's answer about one document. */
    static final class Answer {
        final int status;
        final String reason;
        private final boolean ofDocument;

        Answer(int status, String reason, boolean ofDocument) {
            this.status = status;
            this.reason = reason;
            this.ofDocument = ofDocument;
        }

        /** Whether it is stored, by this request or by an earlier attempt. */
        boolean done() {
            return status / 100 == 2 || status == 409;
        }

        /** Whether the document itself is wrong, so that the server refuses it always. Other errors may pass. */
        boolean refused() {
            return status == 413 || status == 400 && ofDocument;
        }
    }

    /** The server refuses the request as a whole because of a document in it, or because of its size. */
    static final class Refused extends Exception {
        Refused(String reason) {
            super(reason);
        }
    }

    /**
     * The errors that say that a document itself is wrong. No other error does: a closed index, the limit of shards and a
     * pipeline that does not exist are answered with 400 too, and will be repaired. Of Elasticsearch 8:
     * document_parsing_exception; of OpenSearch, and of Elasticsearch before 8.8: mapper_parsing_exception; of both: the
     * others, of which the last stands below illegal_argument_exception (a term of more than 32,766 bytes).
     */
    private static final Set<String> OF_DOCUMENT = Set.of(
            "document_parsing_exception",
            "mapper_parsing_exception",
            "x_content_parse_exception",
            "parsing_exception",
            "json_parse_exception",
            "max_bytes_length_exceeded_exception");

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String WANTED = "filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason,"
            + "items.*.error.caused_by.type,items.*.error.caused_by.reason,items.*.failure_store,"
            + "status,error.type,error.reason,error.caused_by.type";

    private final HttpClient client;
    private final HttpRequest.Builder request;

    Bulk(SearchSinkConfig config) {
        String url = config.getString(SearchSinkConfig.URL).replaceAll("/+$", "");
        HttpClient.Builder builder = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(Duration.ofSeconds(10));
        String ca = config.getString(SearchSinkConfig.CA);
        if (ca != null) {
            builder.sslContext(trusting(ca));
        }
        client = builder.build();
        request = HttpRequest.newBuilder(URI.create(url + "/_bulk?" + WANTED))
                .timeout(Duration.ofMillis(config.getLong(SearchSinkConfig.TIMEOUT)))
                .header("Content-Type", "application/x-ndjson");
        String user = config.getString(SearchSinkConfig.USERNAME);
        Password password = config.getPassword(SearchSinkConfig.PASSWORD);
        if (user != null && password != null) {
            byte[] both = (user + ":" + password.value()).getBytes(StandardCharsets.UTF_8);
            request.header("Authorization", "Basic " + Base64.getEncoder().encodeToString(both));
        }
    }

    /**
     * Store documents and return the answer about each.
     *
     * @throws RetriableException if the server does not answer, or cannot store now
     * @throws Refused if the server takes no request of this size, or none with one of these documents
     * @throws ConnectException if the server answers an error that a retry cannot remedy
     */
    List<Answer> create(List<Document> documents) throws Refused {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        documents.forEach(document -> body.writeBytes(document.lines));
        HttpResponse<byte[]> response;
        try {
            response = client.send(
                    request.copy().POST(BodyPublishers.ofByteArray(body.toByteArray())).build(),
                    BodyHandlers.ofByteArray());
        } catch (IOException error) {
            throw new RetriableException("no answer: " + error, error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new RetriableException("interrupted", error);
        }
        int status = response.statusCode();
        if (status == 413) {
            throw new Refused("413: the server takes no request of this size");
        }
        if (status != 200) {
            String text = new String(response.body(), StandardCharsets.UTF_8);
            String problem = status + ": " + text.substring(0, Math.min(500, text.length()));
            if (status == 400 && ofDocument(errorOf(response.body()))) {
                throw new Refused(problem);
            }
            // no right to write, or no such data stream: perhaps its set-up or a change of password is under way
            boolean passing = status >= 500 || List.of(401, 403, 404, 408, 429).contains(status);
            throw passing ? new RetriableException(problem) : new ConnectException(problem);
        }
        List<Answer> answers = answers(response.body());
        if (answers.size() != documents.size()) {
            throw new RetriableException("answers for " + answers.size() + " of " + documents.size() + " documents");
        }
        return answers;
    }

    private static List<Answer> answers(byte[] body) {
        try {
            List<Answer> answers = new ArrayList<>();
            for (JsonNode item : JSON.readTree(body).path("items")) {
                JsonNode result = item.elements().next();
                if (result.path("failure_store").asText().equals("used")) {
                    throw new ConnectException("the data stream has a failure store, which hides what it refuses: switch it"
                            + " off (data_stream_options.failure_store.enabled: false)");
                }
                JsonNode error = result.path("error");
                String cause = error.path("caused_by").path("reason").asText();
                String reason = error.path("type").asText() + ": " + error.path("reason").asText();
                answers.add(new Answer(result.path("status").asInt(), cause.isEmpty() ? reason : reason + ": " + cause,
                        ofDocument(error)));
            }
            return answers;
        } catch (IOException error) {
            throw new RetriableException("the answer is not JSON", error);
        }
    }

    private static boolean ofDocument(JsonNode error) {
        return OF_DOCUMENT.contains(error.path("type").asText())
                || OF_DOCUMENT.contains(error.path("caused_by").path("type").asText());
    }

    private static JsonNode errorOf(byte[] body) {
        try {
            return JSON.readTree(body).path("error");
        } catch (IOException error) {
            return MissingNode.getInstance();
        }
    }

    private static SSLContext trusting(String ca) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, TrustedCertificates.of(ca), null);
            return context;
        } catch (GeneralSecurityException error) {
            throw new ConnectException("TLS: " + error, error);
        }
    }
}
