# $key is your key, body.json the body as it came.
# The others come from the headers of their names.
secret=$(printf %s "${key#whsec_}" |
  openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
signed() {
  printf %s "$webhook_id.$webhook_timestamp."
  cat body.json
}
expected=$(signed | openssl dgst -sha256 -mac HMAC \
  -macopt hexkey:"$secret" -binary | openssl base64 -A)
case " $webhook_signature " in
  *" v1,$expected "*) echo genuine ;;
  *) echo forged ;;
esac
