package kafkalogs.archive;

import java.util.Map;
import kafkalogs.tls.TrustedCertificates;
import org.apache.iceberg.aws.AwsClientProperties;
import org.apache.iceberg.aws.s3.S3FileIOAwsClientFactory;
import org.apache.iceberg.aws.s3.S3FileIOProperties;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * Makes Iceberg's clients for S3 servers whose certificate a private authority signed.
 *
 * <p>Iceberg's own factory uses the certificates that the whole Java process trusts. This factory, named by
 * {@code s3.client-factory-impl}, trusts the certificates of the PEM file {@code kafkalogs.s3.ca.path}, for S3 only.
 */
public final class S3Clients implements S3FileIOAwsClientFactory {
    private static final long serialVersionUID = 1;
    private static final String CA = "kafkalogs.s3.ca.path";

    private Map<String, String> properties;

    @Override
    public void initialize(Map<String, String> given) {
        properties = given;
    }

    @Override
    public S3Client s3() {
        AwsClientProperties aws = new AwsClientProperties(properties);
        S3FileIOProperties s3 = new S3FileIOProperties(properties);
        String ca = properties.get(CA);
        return S3Client.builder()
                .applyMutation(aws::applyClientRegionConfiguration)
                .applyMutation(s3::applyEndpointConfigurations)
                .applyMutation(s3::applyServiceConfigurations)
                .applyMutation(builder -> s3.applyCredentialConfigurations(aws, builder))
                .applyMutation(s3::applyRetryConfigurations)
                .httpClientBuilder(ApacheHttpClient.builder().tlsTrustManagersProvider(() -> TrustedCertificates.of(ca)))
                .build();
    }

    @Override
    public S3AsyncClient s3Async() {
        throw new UnsupportedOperationException("only Iceberg's options for faster reading ask for this, and a sink writes");
    }
}
