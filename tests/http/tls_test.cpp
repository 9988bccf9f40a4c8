#include <gtest/gtest.h>
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <cstdio>
#include <memory>
#include <thread>

#include "http/client.h"
#include "support/temporary_folder.h"

namespace saesweep::http {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

//! A certificate of 127.0.0.1 that vouches for itself.
Certificate sign_own(EVP_PKEY* key) {
  Certificate made(X509_new(), X509_free);
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), key);
  X509_NAME* name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("judge"), -1, -1, 0);
  X509_set_issuer_name(made.get(), name);
  X509_EXTENSION* address = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
  X509_add_ext(made.get(), address, -1);
  X509_EXTENSION_free(address);
  X509_sign(made.get(), key, EVP_sha256());
  return made;
}

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("no_proxy", "*", 1);
    ::unsetenv("CURL_CA_BUNDLE");
    ::unsetenv("SSL_CERT_FILE");
    server_.Post(".*", [](const httplib::Request&, httplib::Response& response) { response.body = "{}"; });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  void TearDown() override {
    ::unsetenv("SSL_CERT_FILE");
    server_.stop();
    thread_.join();
  }

  Outcome ask() const {
    Client client({});
    client.start(0, {"https://127.0.0.1:" + std::to_string(port_) + "/", "", ""});
    for (int i = 0; i < 100; ++i) {
      const auto ended = client.wait(0.1);
      if (!ended.empty()) return ended.front();
    }
    return {};
  }

  Key key_{EVP_RSA_gen(2048), EVP_PKEY_free};
  Certificate certificate_ = sign_own(key_.get());
  httplib::SSLServer server_{certificate_.get(), key_.get()};
  int port_ = 0;
  std::thread thread_;
};

TEST_F(Tls, TrustsNoCertificateThatNoAuthorityVouchesFor) {
  const Outcome outcome = ask();
  EXPECT_EQ(outcome.fault, Fault::kUntrusted) << outcome.message;
  EXPECT_EQ(outcome.status, 0);
}

TEST_F(Tls, TrustsWhatTheEnvironmentNames) {
  const saesweep::test::TemporaryFolder folder;
  const auto path = folder.path() / "authorities.pem";
  FILE* file = std::fopen(path.c_str(), "w");
  PEM_write_X509(file, certificate_.get());
  std::fclose(file);
  ::setenv("SSL_CERT_FILE", path.c_str(), 1);
  const Outcome outcome = ask();
  EXPECT_EQ(outcome.fault, Fault::kNone) << outcome.message;
  EXPECT_EQ(outcome.body, "{}");
}

}  // namespace
}  // namespace saesweep::http
