# $key is your key, body.json the body as it came.
# $signature comes from the header
# HEADER.
expected=$(openssl dgst -HASH -mac HMAC \
  -macopt key:"$key" -r body.json | cut -d ' ' -f 1)
if [ "$expected" = "$signature" ]
then echo genuine
else echo forged
fi
