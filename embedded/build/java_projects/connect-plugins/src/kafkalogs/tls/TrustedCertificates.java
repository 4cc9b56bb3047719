package kafkalogs.tls;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.apache.kafka.connect.errors.ConnectException;

/** Trusts servers whose certificate one of the certificates of a PEM file signed, and no others. */
public final class TrustedCertificates {
    private TrustedCertificates() {
    }

    /** @throws ConnectException if the file cannot be read or holds no certificate */
    public static TrustManager[] of(String path) {
        try (InputStream file = Files.newInputStream(Path.of(path))) {
            KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
            trusted.load(null, null);
            for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
                trusted.setCertificateEntry("ca-" + trusted.size(), certificate);
            }
            if (trusted.size() == 0) {
                throw new ConnectException(path + " holds no certificate");
            }
            TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            managers.init(trusted);
            return managers.getTrustManagers();
        } catch (IOException | GeneralSecurityException error) {
            throw new ConnectException("certificates of " + path + ": " + error, error);
        }
    }
}
