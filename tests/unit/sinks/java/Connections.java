import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;
import org.apache.iceberg.aws.s3.S3FileIO;

/** Connects as connectors do, with the jars of their plugins: one attempt a line of JSON, and a line that says how it went. */
public final class Connections {
    public static void main(String[] words) throws Exception {
        ObjectMapper json = new ObjectMapper();
        BufferedReader attempts = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = attempts.readLine()) != null;) {
            StringBuilder outcome = new StringBuilder();
            try {
                JsonNode attempt = json.readTree(line);
                outcome.append(attempt.has("jdbc") ? database(attempt.path("jdbc").asText()) : S3.file(attempt.path("s3")));
            } catch (Exception error) {
                for (Throwable cause = error; cause != null; cause = cause.getCause()) {
                    outcome.append(cause).append("; ");
                }
            }
            System.out.println(outcome.toString().replaceAll("\\s+", " "));
        }
    }

    private static String database(String url) throws SQLException {
        DriverManager.getConnection(url, "user", "password").close();
        return "connected";
    }

    /** Apart, because the database's plugin has not got Iceberg. */
    private static final class S3 {
        static String file(JsonNode given) {
            Map<String, String> settings = new HashMap<>();
            given.fields().forEachRemaining(field -> settings.put(field.getKey(), field.getValue().asText()));
            try (S3FileIO files = new S3FileIO()) {
                files.initialize(settings);
                return files.newInputFile("s3://bucket/file").exists() ? "connected" : "no such file";
            }
        }
    }
}
