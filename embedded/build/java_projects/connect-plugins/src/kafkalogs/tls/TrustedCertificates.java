package kafkalogs.tls;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.apache.kafka.connect.errors.ConnectException;

/**
 * Trusts servers whose certificate one of the certificates of a PEM file signed, and no others.
 *
 * <p>The file is read for each new connection: a renewed authority needs no restart. While the file is being replaced, the
 * certificates that were read last count.
 */
public final class TrustedCertificates extends X509ExtendedTrustManager {
    private final Path path;
    private byte[] content;
    private X509ExtendedTrustManager trusted;

    private TrustedCertificates(Path path) throws IOException, GeneralSecurityException {
        this.path = path;
        content = Files.readAllBytes(path);
        trusted = read(content);
    }

    /** @throws ConnectException if the file cannot be read or holds no certificate */
    public static TrustManager[] of(String path) {
        try {
            return new TrustManager[] {new TrustedCertificates(Path.of(path))};
        } catch (IOException | GeneralSecurityException error) {
            throw new ConnectException("certificates of " + path + ": " + error, error);
        }
    }

    private static X509ExtendedTrustManager read(byte[] content) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        ByteArrayInputStream file = new ByteArrayInputStream(content);
        for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
            store.setCertificateEntry("ca-" + store.size(), certificate);
        }
        if (store.size() == 0) {
            throw new CertificateException("the file holds no certificate");
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        for (TrustManager manager : managers.getTrustManagers()) {
            if (manager instanceof X509ExtendedTrustManager) {
                return (X509ExtendedTrustManager) manager;
            }
        }
        throw new GeneralSecurityException("Java has no trust manager for certificates");
    }

    private synchronized X509ExtendedTrustManager newest() {
        try {
            byte[] now = Files.readAllBytes(path);
            if (!Arrays.equals(now, content)) {
                trusted = read(now);
                content = now;
            }
        } catch (IOException | GeneralSecurityException error) {
            // being replaced: what was read last counts
        }
        return trusted;
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) throws CertificateException {
        newest().checkServerTrusted(chain, type, engine);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) throws CertificateException {
        newest().checkServerTrusted(chain, type, socket);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
        newest().checkServerTrusted(chain, type);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) throws CertificateException {
        newest().checkClientTrusted(chain, type, engine);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) throws CertificateException {
        newest().checkClientTrusted(chain, type, socket);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
        newest().checkClientTrusted(chain, type);
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return newest().getAcceptedIssuers();
    }
}
