package kafkalogs.stream;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;

/**
 * Makes Java's trust store of a file with certificates in PEM. keytool takes only the first certificate of a file, and one
 * keytool for each would take a second for each.
 */
public final class TrustStore {
    private TrustStore() {}

    /** words: the file, the store, and the store's password. A store that is there is replaced. */
    public static void main(String[] words) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (InputStream file = Files.newInputStream(Path.of(words[0]))) {
            for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
                store.setCertificateEntry("ca-" + (store.size() + 1), one);
            }
        }
        if (store.size() == 0) {
            throw new IOException(words[0] + " has no certificate in PEM");
        }
        try (OutputStream out = Files.newOutputStream(Path.of(words[1]))) {
            store.store(out, words[2].toCharArray());
        }
    }
}
