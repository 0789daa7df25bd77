import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isSelfSigned, renewalReason, selfSigned } from '@plumbstack/docker/internal';

const now = new Date('2026-11-25T12:00:00Z');
const day = 86_400_000;
const later = (days: number): Date => new Date(now.getTime() + days * day);

describe('a self-signed certificate', () => {
  const names = ['example.org', '*.example.org', '127.0.0.1', '::1', '2001:db8::ff', `${'a'.repeat(63)}.org`];
  const pem = selfSigned(names, now);
  const certificate = new X509Certificate(pem);

  it('is for each of its names, and no other', () => {
    for (const host of ['example.org', 'a.example.org', `${'a'.repeat(63)}.org`])
      assert.ok(certificate.checkHost(host), host);
    for (const host of ['a.b.example.org', 'evil.org'])
      assert.equal(certificate.checkHost(host), undefined, host);
    for (const ip of ['127.0.0.1', '::1', '2001:db8::ff']) assert.ok(certificate.checkIP(ip), ip);
    assert.equal(certificate.checkIP('127.0.0.2'), undefined);
  });

  it('is signed by its own key, which comes with it', () => {
    assert.ok(certificate.verify(certificate.publicKey));
    assert.ok(certificate.checkPrivateKey(createPrivateKey(pem)));
    assert.ok(isSelfSigned(pem));
    assert.equal(certificate.ca, false);
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  });

  it('is another each time', () => {
    const other = new X509Certificate(selfSigned(names, now));
    assert.notEqual(other.serialNumber, certificate.serialNumber);
    assert.notEqual(other.fingerprint256, certificate.fingerprint256);
    assert.match(certificate.serialNumber, /^[0-9A-F]{16,34}$/);
  });

  it('is valid for a year and a month, also in years that are written longer', () => {
    for (const start of [now, new Date('2049-01-01T00:00:00Z'), new Date('2050-06-30T23:59:59Z')]) {
      const { validFrom, validTo } = new X509Certificate(selfSigned(['a.org'], start));
      const span = new Date(validTo).getTime() - new Date(validFrom).getTime();
      assert.equal(span, 397 * day);
      assert.equal(new Date(validFrom).getTime(), start.getTime() - day);
    }
  });
});

describe('a certificate that we have made', () => {
  const pem = selfSigned(['a.org', 'localhost', '::1', '127.0.0.1'], now);

  it('is kept while it is good', () => {
    for (const date of [now, later(360)])
      assert.equal(renewalReason(pem, ['a.org', '::1', '127.0.0.1'], date), undefined);
  });

  it('is made anew a month before its end', () => {
    assert.match(renewalReason(pem, ['a.org'], later(367)) ?? '', /^valid to 2027-12-26$/);
    assert.match(renewalReason(pem, ['a.org'], later(1000)) ?? '', /^valid to /);
  });

  it('is made anew for another name', () => {
    assert.equal(renewalReason(pem, ['a.org', 'b.org', '*.a.org'], now), 'not for b.org, *.a.org');
  });

  it('is made anew where it is none', () => {
    for (const text of [
      '',
      'not a certificate',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    ])
      assert.equal(renewalReason(text, [], now), 'unreadable');
  });
});
