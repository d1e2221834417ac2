module example.org/partner

go 1.19
